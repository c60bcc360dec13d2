const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

/** Connect, report, apply and ack over both transports, with state on disk and YAML to redact. */
module.exports = async function cycle(root, testing) {
  const { OpAMPClient, OpAMPError, effectiveConfig, fileStore } = root;
  for (const transport of ["url", "httpUrl"]) {
    const directory = mkdtempSync(join(tmpdir(), "opamp-loader-"));
    const server = await testing.OpAMPServer.start();
    let applied = 0;
    const client = new OpAMPClient({
      url: server[transport],
      heartbeat: { intervalMs: 1_000 },
      store: fileStore(directory),
      description: { identifying: { "service.name": "loader" } },
      effectiveConfig: effectiveConfig({ name: "a.yaml", read: () => "login:\n  password: |\n    hunter2\n" }),
      remoteConfig: {
        async apply() {
          applied += 1;
        },
      },
    });
    try {
      client.start();
      await client.connected({ timeoutMs: 5_000 });
      const agent = await server.firstAgent();
      agent.offerConfig({ "a.yaml": "x: 1" });
      await agent.until((record) => record.hasApplied());
      if (applied !== 1) throw new Error(`the handler was called ${applied} times`);
      const shown = agent.effectiveFiles["a.yaml"].text();
      if (shown.includes("hunter2") || !shown.includes("[REDACTED]")) throw new Error(`not redacted: ${shown}`);
    } finally {
      await client.stop();
      await server.close();
      rmSync(directory, { recursive: true });
    }
  }
  try {
    new OpAMPClient({});
  } catch (error) {
    if (error instanceof OpAMPError) return "cycle done";
  }
  throw new Error("a wrong option is not an OpAMPError");
};
