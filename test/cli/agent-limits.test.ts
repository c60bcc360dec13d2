import { linkSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { ServerAgent } from "../../src/testing/index.js";
import { visible } from "../agent/config-directory/folder.js";
import { verifies } from "../conformance/verifies.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();

/** How an offer ended: "applied", or why it failed. */
async function outcome(seen: ServerAgent, files: Readonly<Record<string, string>>): Promise<string> {
  const hash = seen.offerConfig(files);
  await seen.until((one) => one.hasApplied(hash) || one.hasFailed(hash));
  return seen.hasApplied() ? "applied" : (seen.remoteConfig?.error ?? "");
}

verifies(["SEC-03", "SEC-04"], "an offer beyond the limits of the agent's file fails and changes nothing", async () => {
  const { server, work } = await built.begin();
  const allow = {
    names: ["main.yaml"],
    max_bytes: 200,
    keys: ["inputs.**"],
    paths: ["/var/log"],
    commands: ["/usr/bin/uptime"],
  };
  work.configure({
    remote_config: { allow, validate_command: "echo validated >> steps", command: "echo taken >> steps" },
  });
  const agent = work.start();
  const seen = await server.firstAgent();
  const good = { "main.yaml": "inputs: { files: [/var/log/a.log], exec: { command: /usr/bin/uptime } }\n" };
  expect(await outcome(seen, good)).toBe("applied");
  const refusals: readonly [files: Record<string, string>, reason: RegExp][] = [
    [{ ...good, "other.yaml": "inputs: 1" }, /"other\.yaml" is not allowed by remote_config\.allow\.names/],
    [{ "main.yaml": `# ${"x".repeat(200)}` }, /202 bytes, and 200 are allowed by remote_config\.allow\.max_bytes/],
    [{ "main.yaml": "outputs: { a: 1 }" }, /"outputs\.a" in "main\.yaml" is not allowed by remote_config\.allow\.keys/],
    [{ "main.yaml": "inputs: { files: [/etc/shadow] }" }, /"inputs\.files" in .* by remote_config\.allow\.paths/],
    [
      { "main.yaml": "inputs: { exec: { command: id } }" },
      /"inputs\.exec\.command" in .* remote_config\.allow\.commands/,
    ],
    // What would be another set of limits is an item like any other.
    [{ "main.yaml": "remote_config: { allow: { names: ['**'] } }" }, /"remote_config\.allow\.names" in "main\.yaml"/],
  ];
  for (const [files, reason] of refusals) {
    expect(await outcome(seen, files)).toMatch(reason);
    expect(visible(work.directory)).toEqual(good);
  }
  expect(work.read("steps")).toBe("validated\ntaken\n");
  expect(seen.effectiveFiles["main.yaml"]?.text()).toBe(good["main.yaml"]);
  expect(await agent.end()).toBe(0);
});

verifies("SEC-03", "an offer cannot change the agent's file, its state, nor what they name", async () => {
  const { server, work } = await built.begin();
  work.write("config/ca.pem", "");
  work.write("config/token", "secret");
  work.configure(
    {
      remote_config: { command: "config/bin/take" },
      extensions: undefined,
      storage: { directory: join(work.directory, "state") },
      health: { command: ["config/check", "x"] },
      restart: { command: "$" + "{file:config/token}/restart" },
    },
    "config/opamp.yaml",
  );
  linkSync(work.path("config/opamp.yaml"), work.path("config/second.yaml"));
  const before = readFileSync(work.path("config/opamp.yaml"), "utf8");
  const agent = work.start({ config: "config/opamp.yaml" });
  const seen = await server.firstAgent();
  for (const name of ["opamp.yaml", "OPAMP.yaml", "second.yaml", "state/state.json", "token", "check", "bin/take"]) {
    expect(await outcome(seen, { [name]: "theirs" })).toBe(`"${name}" belongs to the agent itself`);
  }
  expect(readFileSync(work.path("config/opamp.yaml"), "utf8")).toBe(before);
  expect(await agent.end()).toBe(0);
});
