import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { replaceWithLink } from "../../../src/agent/config-directory/durable.js";
import { folderForTest } from "./folder.js";

test("a link that cannot replace its target leaves nothing behind", async () => {
  const folder = folderForTest();
  mkdirSync(join(folder, "a"));
  await expect(replaceWithLink(join(folder, "a"), "b", join(folder, "temporary"))).rejects.toThrow(/rename/);
  expect(readdirSync(folder)).toEqual(["a"]);
});
