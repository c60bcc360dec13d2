import { type FSWatcher, mkdirSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Arrivals } from "../../transport/arrivals.js";
import { everything, visible } from "./folder.js";
import { prepared, reopened } from "./prepared.js";

/** The names for which events come, one after the other. */
function watching(path: string): { events: Arrivals<string>; watcher: FSWatcher } {
  const events = new Arrivals<string>();
  const watcher = watch(path, (_, name) => events.push(String(name)));
  onTestFinished(() => watcher.close());
  return { events, watcher };
}

async function until(events: Arrivals<string>, name: string): Promise<void> {
  while ((await events.next()) !== name);
}

describe("a program that watches its directory hears of", () => {
  test("every offer, of a file of the program's own and of a new one", async () => {
    const { directory, apply } = await prepared({}, (path) => {
      mkdirSync(path);
      writeFileSync(join(path, "main.yaml"), "version: 0\n");
    });
    for (const version of [1, 2, 3]) {
      const { events, watcher } = watching(directory);
      const files = { "main.yaml": `version: ${version}\n`, "new.yaml": `version: ${version}\n` };
      expect(await apply(`hash ${version}`, files)).toBe("applied");
      await until(events, "main.yaml");
      await until(events, "new.yaml");
      watcher.close();
    }
  });

  test("an offer in a directory of the program's own", async () => {
    const { directory, apply } = await prepared({}, (path) => mkdirSync(join(path, "conf.d"), { recursive: true }));
    expect(await apply("one", { "conf.d/a.yaml": "1" })).toBe("applied");
    const { events } = watching(join(directory, "conf.d"));
    expect(await apply("two", { "conf.d/a.yaml": "2" })).toBe("applied");
    await until(events, "a.yaml");
  });

  test("an offer that is rolled back, once its files are as before", async () => {
    const { directory, apply } = await prepared({ command: '! grep -q bad "{directory}/a"' });
    expect(await apply("one", { a: "good" })).toBe("applied");
    const seen: (string | undefined)[] = [];
    const watcher = watch(directory, (_, name) => name === "a" && seen.push(visible(directory)["a"]));
    onTestFinished(() => watcher.close());
    expect(await apply("two", { a: "bad" })).toContain("exit code 1");
    const { events } = watching(directory);
    writeFileSync(join(directory, "last"), "");
    await until(events, "last");
    expect(seen.at(-1)).toBe("good");
    expect(seen.length).toBeGreaterThanOrEqual(2);
  });

  test("files of its own that come back", async () => {
    const { directory, apply } = await prepared({}, (path) => {
      mkdirSync(path);
      writeFileSync(join(path, "a"), "own");
    });
    expect(await apply("one", { a: "1" })).toBe("applied");
    const { events } = watching(directory);
    expect(await apply("two", {})).toBe("applied");
    await until(events, "a");
    expect(visible(directory)).toEqual({ a: "own" });
  });
});

test.each([
  ["a file", "a.yaml", "a.yaml"],
  ["a directory of an offer", "conf.d", "b.yaml"],
])("a program that watches %s through its link hears of the next offer", async (_, watched, name) => {
  const { directory, apply } = await prepared();
  for (const version of ["1", "2", "3"]) {
    expect(await apply(`hash ${version}`, { "a.yaml": version, "conf.d/b.yaml": version })).toBe("applied");
    const { events, watcher } = watching(join(directory, watched));
    expect(await apply(`hash ${version}+`, { "a.yaml": `${version}+`, "conf.d/b.yaml": `${version}+` })).toBe(
      "applied",
    );
    await until(events, name);
    watcher.close();
  }
});

test("a start that changes nothing makes no event", async () => {
  const { work, directory, configs, apply } = await prepared();
  expect(await apply("one", { a: "1" })).toBe("applied");
  await configs.close();
  const before = everything(directory);
  const { events } = watching(directory);
  const again = await reopened(work);
  await again.configs.close();
  writeFileSync(join(directory, "last"), "");
  expect(await events.next()).toBe("last");
  expect(everything(directory)).toEqual({ ...before, last: "" });
});
