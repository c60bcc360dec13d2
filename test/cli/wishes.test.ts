import { expect, onTestFinished, test } from "vitest";
import { Wishes } from "../../src/cli/wishes.js";

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
