import { cpSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { visible } from "../agent/config-directory/folder.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();
/** The lock is a socket, which cannot be copied. */
const COPY = { recursive: true, verbatimSymlinks: true, filter: (path: string) => !path.endsWith(".sock") };

test("a config directory that was restored from a backup is not reported as having the last offer", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: {} });
  const first = work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": "old\n" });
  await seen.until((one) => one.hasApplied());
  cpSync(work.directory, work.path("backup"), COPY);
  seen.offerConfig({ "a.yaml": "new\n" });
  await seen.until((one) => one.hasApplied());
  expect(await first.end()).toBe(0);
  rmSync(work.directory, { recursive: true });
  cpSync(work.path("backup"), work.directory, COPY);
  expect(visible(work.directory)).toEqual({ "a.yaml": "old\n" });
  const second = work.start();
  await second.line(/WARN {2}\S+\/config does not have the configuration that was applied last/);
  await second.line(/INFO {2}Remote config \w+ applied/);
  expect(visible(work.directory)).toEqual({ "a.yaml": "new\n" });
  expect(await second.end()).toBe(0);
});
