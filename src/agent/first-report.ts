import { OpAMPClient } from "../client/client.js";
import type { OpAMPClientOptions } from "../client/options.js";
import { OpAMPError } from "../errors.js";
import type { AgentToServer } from "../gen/opamp/v1/opamp_pb.js";
import type { Sink, Transport } from "../transport/transport.js";
import { decodeAgentToServer } from "../wire/codec.js";

/** What a client with these options would say first; nothing leaves the process. */
export async function firstReport({ logger: _, ...options }: OpAMPClientOptions): Promise<AgentToServer> {
  let sent: (payload: Uint8Array) => void = () => undefined;
  const first = new Promise<Uint8Array>((resolve) => {
    sent = resolve;
  });
  const client = new OpAMPClient({ ...options, transport: () => discardTransport((payload) => sent(payload)) });
  client.start();
  try {
    const decoded = decodeAgentToServer(await first);
    if (decoded.ok) return decoded.message;
    throw decoded.error;
  } finally {
    await client.stop({ timeoutMs: 1 });
  }
}

/** A link that opens at once and brings nothing. */
function discardTransport(sent: (payload: Uint8Array) => void): Transport {
  let sink: Sink | undefined;
  return {
    duplex: true,
    name: "none",
    open(opening) {
      sink = opening;
      opening.opened();
    },
    send: sent,
    ping: () => undefined,
    close() {
      const error = new OpAMPError("ERR_OPAMP_CLOSED", "there was no server");
      sink?.lost({ error, fate: "unknown", orderly: true, throttled: false });
    },
  };
}
