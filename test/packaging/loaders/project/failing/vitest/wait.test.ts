import { OpAMPServer } from "opamp-client/testing";
import { test } from "vitest";

test("an agent comes that never does", async () => {
  await using server = await OpAMPServer.start();
  await server.firstAgent();
});
