import { type CapabilityName, OpAMPClient, type PhaseEvent } from "opamp-client";
import { OpAMPExtension } from "opamp-client/extension";
import { AgentToServerSchema } from "opamp-client/proto";
import { OpAMPServer } from "opamp-client/testing";

const withheld: CapabilityName[] = ["reportsHeartbeat"];
const client = new OpAMPClient({
  url: "ws://127.0.0.1:1",
  description: { identifying: { "service.name": "types" } },
  withhold: withheld,
  health: undefined,
  throttle: { minMs: undefined },
});
client.on("phase", (event: PhaseEvent) => {
  if (event.phase === "waiting") console.log(event.retryAt.getTime(), event.error?.code);
});
client.on("offer", ({ kind, status, error }) => console.log(kind, status, error?.length));
console.log(OpAMPExtension, AgentToServerSchema.typeName, OpAMPServer);
