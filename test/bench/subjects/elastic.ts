import { subscribe } from "node:diagnostics_channel";
import { createOpAMPClient } from "@elastic/opamp-client-node";
import { v7 } from "uuid";
import { runCrowd } from "./crowd.js";

// The other client for Node. It polls over HTTP and reports no health and no effective config.

const answered = new Map<string, () => void>();
subscribe("opamp-client.send.success", (message) => {
  if (typeof message !== "object" || message === null || !("instanceUidStr" in message)) return;
  answered.get(String(message.instanceUidStr))?.();
});

await runCrowd(({ url, heartbeatMs }) => {
  const instanceUid = v7();
  const client = createOpAMPClient({
    endpoint: url,
    instanceUid,
    heartbeatIntervalSeconds: heartbeatMs / 1000,
    diagEnabled: true,
  });
  client.setAgentDescription({
    identifyingAttributes: { "service.name": "yardstick", "service.version": "1.0.0" },
    nonIdentifyingAttributes: { "os.type": "linux", "host.name": "bench" },
  });
  return {
    start() {
      client.start();
      return new Promise<void>((resolve) => answered.set(instanceUid, resolve));
    },
    stop: () => client.shutdown(),
  };
});
