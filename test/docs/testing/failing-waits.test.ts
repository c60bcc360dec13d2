import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { documented, failingWaits } from "../../testing/failing-waits.js";

const page = await readFile(new URL("../../../docs/testing.md", import.meta.url), "utf8");
const shown = new Map(
  [...page.matchAll(/<!-- wait: (\S+) -->\n```text\n([\s\S]*?)\n?```/g)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

test.each(Object.entries(failingWaits))("the page shows what a wait says: %s", async (name, fail) => {
  expect(shown.get(name)).toBe(documented(await fail()));
});

test("the page shows no other wait", () => {
  expect([...shown.keys()]).toEqual(Object.keys(failingWaits));
});
