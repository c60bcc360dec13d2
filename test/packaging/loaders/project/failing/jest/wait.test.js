const { OpAMPServer } = require("opamp-client/testing");

test("an agent comes that never does", async () => {
  const server = await OpAMPServer.start();
  await server.firstAgent();
});
