import { expect, test } from "vitest";
import { visible } from "../agent/folder.js";
import { startServer } from "../server/server-fixture.js";
import { builtCommand, Work } from "./agent-work.js";

const built = builtCommand();

test("play", async () => {
  const server = await startServer();
  const work = new Work(built.program, server, "ws");
  work.configure({ remote_config: { command: "cat {directory}/a.yaml > program" } });
  const agent = work.start();
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await seen.until((s) => s.hasApplied());
  expect(visible(work.directory)).toEqual({ "a.yaml": "x: 1\n" });
  seen.offerConfig({ "b.yaml": "x: 1\n" });
  await seen.until((s) => s.remoteConfigStatus?.status === 3);
  expect(await agent.end()).toBe(0);
  console.log(agent.log);
});
