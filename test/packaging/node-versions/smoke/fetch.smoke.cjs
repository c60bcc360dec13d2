const assert = require("node:assert/strict");
const { createServer } = require("node:http");
const { test } = require("node:test");

const keys = [1, 2].map((version) => Symbol.for(`undici.globalDispatcher.${version}`));
const held = () => keys.map((key) => globalThis[key]);

test("a host that first uses fetch after polls and tunnels has Node's own", { timeout: 20_000 }, async () => {
  const { OpAMPClient } = require("opamp-client");
  const before = held();
  const agents = [];
  const server = createServer((request, response) => {
    agents.push(request.headers["user-agent"]);
    request.resume().on("end", () => response.end("ok"));
  });
  server.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  for (const options of [{ url }, { url: "wss://opamp.invalid", proxy: { url } }]) {
    const client = new OpAMPClient({ ...options, description: { identifying: { "service.name": "host" } } });
    const failed = new Promise((resolve) => client.on("error", resolve));
    client.start();
    await failed;
    await client.stop();
  }
  assert.deepEqual(held(), before);
  const answer = await fetch(url, { method: "POST", headers: { "content-length": "2" }, body: "{}" });
  assert.equal(await answer.text(), "ok");
  assert.equal(agents.at(-1), "node");
  server.closeAllConnections();
  server.close();
});
