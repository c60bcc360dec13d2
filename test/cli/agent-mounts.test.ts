import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { everything } from "../agent/config-directory/folder.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();

test("a file that is mounted by itself is reported, and an offer of its name fails and says what to do", async () => {
  const { server, work } = await built.begin();
  work.write("real.yaml", "own: 1\n");
  const target = work.write("config/main.yaml", "below\n");
  work.configure({ remote_config: { local_files: ["main.yaml"] } });
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const mount = `mount --bind '${work.path("real.yaml")}' '${target}' && exec "$@"`;
  const agent = work.start({
    within: ["unshare", "--mount", "--propagation=private", ...asRoot, "sh", "-c", mount, "sh"],
  });
  const seen = await Promise.race([server.firstAgent(), agent.ended.then(() => Promise.reject(new Error(agent.log)))]);
  await seen.until(({ effectiveFiles }) => effectiveFiles["main.yaml"]?.text() === "own: 1\n");
  const before = everything(work.directory);
  seen.offerConfig({ "main.yaml": "offered\n" });
  await seen.until((one) => (one.remoteConfig?.error ?? "") !== "");
  expect(seen.remoteConfig?.error).toBe(
    `"main.yaml" cannot be written: ${target} is mounted by itself and cannot be replaced; mount the directory around it instead`,
  );
  expect(everything(work.directory)).toEqual(before);
  expect(readFileSync(work.path("real.yaml"), "utf8")).toBe("own: 1\n");
  seen.offerConfig({ "other.yaml": "offered\n" });
  await seen.until((one) => one.hasApplied());
  expect(await agent.end()).toBe(0);
});
