import { expect, test } from "vitest";
import { everything } from "../../agent/config-directory/folder.js";
import { builtCommand } from "../agent-work.js";

const built = builtCommand();
const SECRET = "tok-4711";

test("a dry run works while the agent runs, shows what it has, and touches nothing", async () => {
  const { server, work } = await built.begin();
  work.write("config/own.yaml", "own: true\n");
  const remote = { command: "true", local_files: ["own.yaml"] };
  work.configure({ remote_config: remote });
  work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": { body: `password: ${SECRET}\n`, contentType: "text/yaml" } });
  await seen.until((one) => one.hasApplied() && one.reported.effectiveConfig !== undefined);
  const before = everything(work.directory);
  const dry = work.start({ args: ["--dry-run", "--log-format", "json"] });
  expect(await dry.ended).toBe(0);
  expect(JSON.parse(dry.log)).toMatchObject({
    level: "info",
    message: expect.stringContaining("is in use by the agent of"),
  });
  const shown = JSON.parse(await dry.output);
  expect(shown).toMatchObject({
    server: server.url,
    stateDirectory: work.path("state"),
    configDirectory: work.directory,
  });
  expect(shown.firstReport).toMatchObject({ instanceUid: seen.uidText });
  expect(Object.keys(shown.effectiveConfig).sort()).toEqual(["a.yaml", "own.yaml"]);
  expect(await dry.output).not.toContain(SECRET);
  expect(everything(work.directory)).toEqual(before);
  expect(server.agents.size).toBe(1);
  expect(seen.connections.total).toBe(1);
});
