import { expect, onTestFinished, test } from "vitest";
import { Wishes } from "../../src/cli/wishes.js";
import { opamp } from "./terminal.js";

function wishes(): Wishes {
  const made = new Wishes();
  onTestFinished(() => made.end());
  return made;
}

test("what is wished for twice before it is done is done once", async () => {
  const made = wishes();
  for (const wish of ["reload", "reload", "reload"] as const) made.add(wish);
  expect(await made.next()).toBe("reload");
  made.add("stop");
  expect(await made.next()).toBe("stop");
});

test("nothing is started anew only to be stopped", async () => {
  const made = wishes();
  for (const wish of ["reload", "stop"] as const) made.add(wish);
  expect(await made.next()).toBe("stop");
  made.add("fail");
  expect(await made.next()).toBe("fail");
});

test("a wish that comes later ends the wait for it", async () => {
  const made = wishes();
  const next = made.next();
  made.add("stop");
  expect(await next).toBe("stop");
});

test("signals are listened for before the agent is loaded, and no longer than it lives", async () => {
  const listening = () => ["SIGHUP", "SIGTERM", "SIGINT"].map((signal) => process.listenerCount(signal));
  const before = listening();
  const ended = opamp("agent", "--config", "/nowhere/opamp.yaml");
  expect(listening()).toEqual(before.map((count) => count + 1));
  expect(await ended).toMatchObject({ code: 2, err: expect.stringContaining("cannot be read") });
  expect(listening()).toEqual(before);
});
