import { expect, onTestFinished, test } from "vitest";
import { LifecycleRequests } from "../../../src/cli/lifecycle-requests.js";
import { opamp } from "../terminal.js";

function requests(): LifecycleRequests {
  const made = new LifecycleRequests();
  onTestFinished(() => made.end());
  return made;
}

test("a request that is repeated before it is handled is handled once", async () => {
  const made = requests();
  for (const request of ["reload", "reload", "reload"] as const) made.add(request);
  expect(await made.next()).toBe("reload");
  made.add("stop");
  expect(await made.next()).toBe("stop");
});

test("a stop replaces a reload that was not handled yet", async () => {
  const made = requests();
  for (const request of ["reload", "stop"] as const) made.add(request);
  expect(await made.next()).toBe("stop");
  made.add("fail");
  expect(await made.next()).toBe("fail");
});

test("a wait for a request ends when one comes", async () => {
  const made = requests();
  const next = made.next();
  made.add("stop");
  expect(await next).toBe("stop");
});

test("signal listeners are added before the agent is loaded and removed when it ends", async () => {
  const listening = () => ["SIGHUP", "SIGTERM", "SIGINT"].map((signal) => process.listenerCount(signal));
  const before = listening();
  const ended = opamp("agent", "--config", "/nowhere/opamp.yaml");
  expect(listening()).toEqual(before.map((count) => count + 1));
  expect(await ended).toMatchObject({ code: 2, err: expect.stringContaining("cannot be read") });
  expect(listening()).toEqual(before);
});
