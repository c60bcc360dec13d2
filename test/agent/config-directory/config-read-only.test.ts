import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { everything, folderForTest, visible } from "./folder.js";
import { openDirectory } from "./open-directory.js";
import { effective, prepared, reopened } from "./prepared.js";

describe("without `prepare`, the effective config", () => {
  test("is empty for a missing directory, which is not created", async () => {
    const directory = join(folderForTest(), "config");
    expect(await effective(openDirectory({ directory, localFiles: ["a.yaml"] }))).toEqual({});
    expect(existsSync(directory)).toBe(false);
  });

  test("is the user's own files where nothing was ever offered", async () => {
    const directory = join(folderForTest(), "config");
    mkdirSync(directory);
    writeFileSync(join(directory, "a.yaml"), "own: 1\n");
    const before = everything(directory);
    const configs = openDirectory({ directory, localFiles: ["a.yaml", "b.yaml"] });
    expect(await effective(configs)).toEqual({ "a.yaml": ["own: 1\n", "text/yaml"] });
    expect(everything(directory)).toEqual(before);
  });

  test("is the offer in use, over the user's own files", async () => {
    const place = await prepared({}, (directory) => {
      mkdirSync(directory);
      writeFileSync(join(directory, "a.yaml"), "own\n");
      writeFileSync(join(directory, "b.yaml"), "own\n");
    });
    expect(await place.apply("one", { "a.yaml": ["offered\n", "text/yaml"] })).toBe("applied");
    const before = everything(place.work);
    const configs = openDirectory({ directory: place.directory, localFiles: ["a.yaml", "b.yaml"] });
    expect(await effective(configs)).toEqual({
      "a.yaml": ["offered\n", "text/yaml"],
      "b.yaml": ["own\n", "text/yaml"],
    });
    expect(everything(place.work)).toEqual(before);
  });

  test("has the previous offer while a newer one is on trial", async () => {
    const place = await prepared();
    expect(await place.apply("one", { "a.yaml": "1", "b.yaml": "1" })).toBe("applied");
    const waiting = await reopened(place.work, { command: 'test ! -e "$OPAMP_CONFIG_DIR/c.yaml" || sleep 60' });
    const end = new AbortController();
    const applying = waiting.apply("two", { "a.yaml": "2", "c.yaml": "2" }, end.signal);
    while (!(await waiting.lines.next()).endsWith("in use on trial"));
    expect(visible(place.directory)).toEqual({ "a.yaml": "2", "c.yaml": "2" });
    const before = everything(place.directory);
    const configs = openDirectory({ directory: place.directory });
    expect(await effective(configs)).toEqual({ "a.yaml": ["1", ""], "b.yaml": ["1", ""] });
    expect(everything(place.directory)).toEqual(before);
    end.abort(new Error("seen enough"));
    expect(await applying).toContain("seen enough");
  });
});
