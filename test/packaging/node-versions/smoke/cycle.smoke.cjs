const assert = require("node:assert/strict");
const { test } = require("node:test");
const cycle = require("./cycle.cjs");

test("what is required goes through a cycle over both transports", { timeout: 20_000 }, async () => {
  assert.equal(await cycle(require("opamp-client"), require("opamp-client/testing")), "cycle done");
});
