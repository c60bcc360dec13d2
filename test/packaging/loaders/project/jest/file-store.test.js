const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { fileStore, OpAMPClient } = require("opamp-client");
const { OpAMPServer } = require("opamp-client/testing");

// Under Jest the errors of Node itself are not of the class Error that the package sees.
test("an agent with a store in a new directory has its instance uid again at the next start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "opamp-jest-"));
  const server = await OpAMPServer.start();
  const uids = [];
  try {
    for (const _start of [1, 2]) {
      const errors = [];
      const client = new OpAMPClient({
        url: server.url,
        store: fileStore(join(folder, "new", "state")),
        description: { identifying: { "service.name": "stored" } },
      });
      client.on("error", (error) => errors.push(error));
      client.start();
      await client.connected();
      uids.push(client.instanceUid);
      await client.stop();
      expect(errors).toEqual([]);
    }
    expect(uids[1]).toBe(uids[0]);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
