import { type ConfigFiles, OpAMPClient } from "opamp-client";
import { runCrowd } from "./crowd.js";
import { LoopTransport } from "./loop-server.js";

// This package, used as its README says.

await runCrowd(({ url, heartbeatMs, apply }) => {
  let files: ConfigFiles = { "collector.yaml": { body: "receivers: {}\n", contentType: "text/yaml" } };
  const client = new OpAMPClient({
    ...(url === "loop:" ? { transport: new LoopTransport() } : { url }),
    description: {
      identifying: { "service.name": "yardstick", "service.version": "1.0.0" },
      nonIdentifying: { "os.type": "linux", "host.name": "bench" },
    },
    health: { healthy: true, status: "StatusOK" },
    heartbeat: { intervalMs: heartbeatMs },
    effectiveConfig: () => files,
    remoteConfig: apply
      ? {
          apply(config) {
            files = config.files;
          },
        }
      : undefined,
  });
  return {
    start() {
      client.start();
      return client.connected();
    },
    stop: () => client.stop(),
  };
});
