const assert = require("node:assert/strict");
const { test } = require("node:test");

test("every entry point can be required", () => {
  assert.equal(typeof require("opamp-client").OpAMPClient, "function");
  assert.equal(typeof require("opamp-client/extension").OpAMPExtension, "function");
  assert.equal(require("opamp-client/proto").AgentToServerSchema.typeName, "opamp.proto.v1.AgentToServer");
  assert.equal(typeof require("opamp-client/testing").OpAMPServer, "function");
  assert.equal(require("opamp-client/package.json").name, "opamp-client");
});

test("what is required is what is imported", async () => {
  assert.equal(require("opamp-client").OpAMPClient, (await import("opamp-client")).OpAMPClient);
});
