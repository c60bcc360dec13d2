import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { folderForTest, visible } from "./folder.js";
import { reopened } from "./prepared.js";

verifies("SEC-03", "an offer cannot change a file of the agent's that has another name in the directory", async () => {
  const work = folderForTest();
  const directory = join(work, "config");
  mkdirSync(join(directory, "sub"), { recursive: true });
  mkdirSync(join(work, "keys"));
  writeFileSync(join(work, "keys/token"), "secret");
  linkSync(join(work, "keys/token"), join(directory, "second-name"));
  symlinkSync("../../keys/token", join(directory, "sub/link"));
  symlinkSync("../keys", join(directory, "keys"));
  const { apply } = await reopened(work, { ownPaths: [join(work, "keys"), join(work, "keys/token")] });
  for (const name of ["second-name", "sub/link", "keys/token", "keys/other"]) {
    expect(await apply("one", { a: "1", [name]: "theirs" })).toBe(`"${name}" belongs to the agent itself`);
  }
  expect(readFileSync(join(work, "keys/token"), "utf8")).toBe("secret");
  expect(await apply("one", { a: "1", "sub/a": "1" })).toBe("applied");
});

verifies("SEC-03", "an offer cannot replace a link on the way to a file of the agent's", async () => {
  const work = folderForTest();
  const directory = join(work, "config");
  mkdirSync(directory);
  writeFileSync(join(work, "real.yaml"), "server:");
  symlinkSync("../real.yaml", join(directory, "middle.yaml"));
  symlinkSync("config/middle.yaml", join(work, "opamp.yaml"));
  const { apply } = await reopened(work, { ownPaths: [join(work, "opamp.yaml")] });
  for (const name of ["middle.yaml", "MIDDLE.yaml"]) {
    expect(await apply("one", { [name]: "theirs" })).toBe(`"${name}" belongs to the agent itself`);
  }
  expect(visible(directory)).toEqual({ "middle.yaml": "server:" });
});
