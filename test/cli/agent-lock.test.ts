import { expect, test } from "vitest";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();

test("of two agents in one directory the second exits with 1 and says why, and a crash leaves no lock", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { command: "cat {directory}/a.yaml" } });
  const first = work.start();
  const seen = await server.firstAgent();
  const second = work.start();
  work.configure({ remote_config: {}, storage: { directory: work.path("other-state") } }, "other.yaml");
  const other = work.start({ config: "other.yaml" });
  expect(await second.ended).toBe(1);
  const why = `${work.path("state")} is in use by the agent of process ${first.pid}`;
  const fix = "(stop the other agent, or give each one a storage.directory of its own) (ERR_OPAMP_STORE)";
  expect(second.log.slice("2026-01-31T12:00:00.000Z ".length)).toBe(`ERROR ${why} ${fix}`);
  expect(await other.ended).toBe(1);
  expect(other.log).toMatch(
    /ERROR remote_config\.directory: (\S+\/config) cannot be used: \1\/\.opamp is in use by the agent of process \d+ \(stop the other agent, or give/,
  );
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await seen.until((one) => one.hasApplied());
  expect(server.agents.size).toBe(1);
  expect(seen.connections.total).toBe(1);
  expect(await first.end("SIGKILL")).toBe("SIGKILL");
  const third = work.start();
  await seen.until(({ connections }) => connections.total === 2);
  expect(await third.end()).toBe(0);
  expect(third.count(/WARN|ERROR/)).toBe(0);
});
