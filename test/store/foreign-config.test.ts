import { execFileSync } from "node:child_process";
import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { peekState } from "../../src/store/peek-store.js";
import { everything } from "../agent/config-directory/folder.js";
import { config, filesIn, found, saved, storeIn, temporaryFolder, uid } from "./store-fixture.js";

describe("a foreign file with the name of a config", () => {
  const foreign = {
    code: "ERR_OPAMP_STORE",
    foreignStore: true,
    message: expect.stringContaining("is not a config of"),
  };

  test("that the state refers to is left alone and reported, and the rest of the state is used", async () => {
    const directory = await temporaryFolder();
    await saved(directory, { instanceUid: uid(1), lastGoodConfig: config(1, "a: 1") });
    const [name = ""] = await filesIn(directory);
    await fs.writeFile(join(directory, name), "theirs");
    const before = everything(directory);
    const { state, reports } = await found(directory);
    expect([state, reports]).toEqual([{ instanceUid: uid(1) }, [expect.objectContaining(foreign)]]);
    expect(reports[0]?.message).toContain(join(directory, name));
    expect(everything(directory)).toEqual(before);
  });

  test("that a new config needs is left alone and reported, and the rest of the state is saved", async () => {
    const directory = await temporaryFolder();
    await saved(directory, { lastGoodConfig: config(1, "a: 1") });
    const [name = ""] = await filesIn(directory);
    await saved(directory, {});
    await fs.writeFile(join(directory, name), "theirs");
    const { store, reports, load } = storeIn(directory);
    await load();
    for (const lastGoodConfig of [config(1, "a: 1"), config(2, "a: 1")]) {
      await store.save({ instanceUid: uid(1), lastGoodConfig });
    }
    await store.close();
    expect(reports).toMatchObject([foreign, foreign]);
    expect(await found(directory)).toEqual({ state: { instanceUid: uid(1) }, reports: [] });
    expect(await fs.readFile(join(directory, name), "utf8")).toBe("theirs");
    expect(await filesIn(directory)).toEqual([name, "state.json"]);
    await saved(directory, { lastGoodConfig: config(2, "b: 2") });
    expect(await found(directory)).toEqual({ state: { lastGoodConfig: config(2, "b: 2") }, reports: [] });
    expect(await fs.readFile(join(directory, name), "utf8")).toBe("theirs");
  });
});

describe("a dry run's read of a state", () => {
  const foreign = { code: "ERR_OPAMP_STORE", foreignStore: true };

  test.each<[string, (path: string, elsewhere: string) => Promise<unknown>, refused: object | undefined]>([
    ["damaged", (path) => fs.writeFile(path, "{"), undefined],
    ["a pipe", async (path) => execFileSync("mkfifo", [path]), foreign],
    ["a link to a state of ours", (path, elsewhere) => fs.symlink(elsewhere, path), foreign],
    [
      "far too large",
      async (path, elsewhere) => {
        await fs.copyFile(elsewhere, path);
        await fs.appendFile(path, " ".repeat(17_000_000));
      },
      undefined,
    ],
    ["of another program", (path) => fs.writeFile(path, "{}"), foreign],
  ])("finds none if it is %s, and refuses what is not ours", async (_, make, refused) => {
    const elsewhere = await temporaryFolder();
    await saved(elsewhere, { heartbeatMs: 1 });
    const directory = await temporaryFolder();
    await make(join(directory, "state.json"), join(elsewhere, "state.json"));
    if (refused === undefined) expect(await peekState(directory)).toBeUndefined();
    else await expect(peekState(directory)).rejects.toMatchObject(refused);
    expect(await peekState(elsewhere)).toEqual({ heartbeatMs: 1 });
  });
});
