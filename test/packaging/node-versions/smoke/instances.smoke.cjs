const assert = require("node:assert/strict");
const { test } = require("node:test");

const entryPoints = ["opamp-client", "opamp-client/extension", "opamp-client/proto", "opamp-client/testing"];

/** What something throws, or rejects with. */
async function thrownBy(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("every entry point is one instance, whichever way it is loaded", async () => {
  for (const entryPoint of entryPoints) {
    const required = require(entryPoint);
    const imported = await import(entryPoint);
    const names = Object.keys(required);
    assert.ok(names.length > 1, entryPoint);
    for (const name of names) assert.equal(imported[name], required[name], `${entryPoint}: ${name}`);
  }
});

test("an error of any entry point is an OpAMPError of this one", async () => {
  const { OpAMPClient, OpAMPError } = await import("opamp-client");
  const { fromExtensionConfig } = require("opamp-client/extension");
  const { OpAMPServer } = require("opamp-client/testing");
  const errors = [
    await thrownBy(() => new OpAMPClient({})),
    await thrownBy(() => fromExtensionConfig("server: [", {})),
    await thrownBy(() => OpAMPServer.start({ path: "no-slash" })),
  ];
  for (const error of errors) assert.ok(error instanceof OpAMPError, error);
});
