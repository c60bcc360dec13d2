import assert from "node:assert/strict";
import { test } from "node:test";
import * as root from "opamp-client";
import * as testing from "opamp-client/testing";
import cycle from "./cycle.cjs";

test("what is imported goes through a cycle over both transports", { timeout: 20_000 }, async () => {
  assert.equal(await cycle(root, testing), "cycle done");
});
