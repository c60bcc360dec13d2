import assert from "node:assert/strict";
import { test } from "node:test";
import * as root from "opamp-client";
import * as extension from "opamp-client/extension";
import * as proto from "opamp-client/proto";
import * as testing from "opamp-client/testing";

test("every entry point can be imported", () => {
  assert.equal(typeof root.OpAMPClient, "function");
  assert.equal(typeof extension.OpAMPExtension, "function");
  assert.equal(proto.AgentToServerSchema.typeName, "opamp.proto.v1.AgentToServer");
  assert.equal(typeof testing.OpAMPServer, "function");
});

test("package.json can be imported by name", () => {
  assert.match(import.meta.resolve("opamp-client/package.json"), /package\.json$/);
});
