import { expect, onTestFinished, test } from "vitest";
import { LifecycleRequests } from "../../src/cli/lifecycle-requests.js";
import { opamp } from "./terminal.js";

function requests(): LifecycleRequests {
  const made = new LifecycleRequests();
  onTestFinished(() => made.end());
  return made;
}

test("what is asked for twice before it is done is done once", async () => {
  const made = requests();
  for (const request of ["reload", "reload", "reload"] as const) made.add(request);
  expect(await made.next()).toBe("reload");
  made.add("stop");
  expect(await made.next()).toBe("stop");
});

test("nothing is started again only to be stopped", async () => {
  const made = requests();
  for (const request of ["reload", "stop"] as const) made.add(request);
  expect(await made.next()).toBe("stop");
  made.add("fail");
  expect(await made.next()).toBe("fail");
});

test("a request that comes later ends the wait for it", async () => {
  const made = requests();
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
