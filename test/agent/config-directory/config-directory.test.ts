import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { everything, folderForTest, litter, offer, visible } from "./folder.js";
import { effective, prepared, reopened } from "./prepared.js";

/** Makes a directory with these files. */
function holding(files: Readonly<Record<string, string>>): (directory: string) => void {
  return (directory) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(directory, name, ".."), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
  };
}

/** Has a file take the place of a link, as editors and `sed -i` do. */
function replaceLink(directory: string, name: string, text: string): void {
  rmSync(join(directory, name));
  writeFileSync(join(directory, name), text);
}

describe("an offer", () => {
  test("is written into a directory that did not exist, and reported under its names and types", async () => {
    const { directory, configs, apply } = await prepared();
    expect(await effective(configs)).toEqual({});
    expect(configs.current).toBeUndefined();
    const files = { "agent.yaml": ["a: 1\n", "text/yaml"], "conf.d/x/b": ["b\0\xff", ""] } as const;
    expect(await apply("one", { "agent.yaml": ["a: 1\n", "text/yaml"], "conf.d/x/b": "b" })).toBe("applied");
    expect(visible(directory)).toEqual({ "agent.yaml": "a: 1\n", "conf.d/x/b": "b" });
    expect(await effective(configs)).toEqual({ "agent.yaml": files["agent.yaml"], "conf.d/x/b": ["b", ""] });
    expect(configs.current).toEqual({
      hash: new Uint8Array(Buffer.from("one")),
      files: ["agent.yaml", "conf.d/x/b"],
    });
  });

  test("of one file without a name is reported without a name", async () => {
    const { directory, configs, apply } = await prepared();
    await apply("one", { "": ["a: 1\n", "text/yaml"] });
    expect(visible(directory)).toEqual({ "config.yaml": "a: 1\n" });
    expect(await effective(configs)).toEqual({ "": ["a: 1\n", "text/yaml"] });
  });

  test("keeps any bytes as they are", async () => {
    const { directory, configs } = await prepared();
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const config = offer("bytes", { file: "" });
    const files = { file: { ...config.files["file"], body, contentType: "", text: () => "", json: () => null } };
    await configs.handler.apply({ ...config, files }, { signal: new AbortController().signal, previous: undefined });
    expect(new Uint8Array(readFileSync(join(directory, "file")))).toEqual(body);
    expect((await configs.effectiveConfig())["file"]?.body).toEqual(Buffer.from(body));
  });

  test("replaces the one before, also where a file becomes a directory or the reverse", async () => {
    const { directory, apply } = await prepared();
    for (const files of [{ x: "1", y: "1" }, { "x/y": "2" }, { x: "3", "y/z/a": "3" }, { y: "4" }]) {
      expect(await apply(JSON.stringify(files), files)).toBe("applied");
      expect(visible(directory)).toEqual(files);
      expect(litter(directory)).toEqual([]);
    }
  });

  test("with the hash of the one in use changes nothing, also after a restart", async () => {
    const command = "echo ran >> ../ran; cd . ";
    const options = { command: `cd "$OPAMP_CONFIG_DIR"; ${command}` };
    const { work, directory, apply } = await prepared(options);
    await apply("one", { a: "1" });
    const before = everything(work);
    expect(await apply("one", { a: "something else" })).toBe("applied");
    expect(everything(work)).toEqual(before);
    const again = await reopened(work, options);
    expect(await again.apply("one", { a: "1" })).toBe("applied");
    expect(everything(work)).toEqual(before);
    expect(again.configs.current?.hash).toEqual(new Uint8Array(Buffer.from("one")));
    expect(visible(directory)).toEqual({ a: "1" });
  });

  test("leaves only itself, the one before and the user's own files, however many came", async () => {
    const { directory, apply } = await prepared({}, holding({ a: "own" }));
    for (let number = 0; number < 6; number += 1) await apply(`hash ${number}`, { a: `${number}` });
    const kept = readdirSync(join(directory, ".opamp/opamp-config/versions"));
    expect(kept).toHaveLength(3);
    expect(
      kept.map((id) => readFileSync(join(directory, ".opamp/opamp-config/versions", id, "files/a"), "utf8")).sort(),
    ).toEqual(["4", "5", "own"]);
  });

  test("with an unsafe name is refused, and changes nothing", async () => {
    const { work, apply } = await prepared();
    const before = everything(work);
    expect(await apply("one", { "../x": "1" })).toBe('the name "../x" has ".." as a part');
    expect(everything(work)).toEqual(before);
  });

  test("gives its files the configured mode, and their directories a matching one", async () => {
    const { directory, apply } = await prepared({ fileMode: 0o600 });
    await apply("one", { "conf.d/a": "1" });
    const modeOf = (path: string) => statSync(join(directory, path)).mode & 0o777;
    expect(modeOf("conf.d/a")).toBe(0o600);
    expect(modeOf("conf.d")).toBe(0o711);
    const other = await prepared();
    await other.apply("one", { "conf.d/a": "1" });
    expect(statSync(join(other.directory, "conf.d/a")).mode & 0o777).toBe(0o640);
    expect(statSync(join(other.directory, "conf.d")).mode & 0o777).toBe(0o751);
    expect(statSync(join(other.directory, ".opamp/opamp-config/current/..")).mode & 0o777).toBe(0o711);
  });

  test("may be kept in a directory elsewhere", async () => {
    const state = join(folderForTest(), "deep/state");
    const { directory, apply } = await prepared({ state });
    await apply("one", { "a/b": "1" });
    await apply("two", { "a/b": "2", c: "2" });
    expect(visible(directory)).toEqual({ "a/b": "2", c: "2" });
    expect(readdirSync(directory).sort()).toEqual(["a", "c"]);
    expect(readdirSync(join(state, "opamp-config/versions"))).toHaveLength(3);
  });
});

describe("the user's own files", () => {
  const own = { "a.yaml": "own a", "conf.d/own.yaml": "own b", "README.md": "own c" };

  test("stay where no offer has their names, and so do directories", async () => {
    const { directory, apply } = await prepared({}, holding(own));
    expect(await apply("one", { "b.yaml": "1", "conf.d/b.yaml": "1" })).toBe("applied");
    expect(visible(directory)).toEqual({ ...own, "b.yaml": "1", "conf.d/b.yaml": "1" });
    await apply("two", { "c.yaml": "2" });
    expect(visible(directory)).toEqual({ ...own, "c.yaml": "2" });
    expect(readdirSync(join(directory, "conf.d"))).toEqual(["own.yaml"]);
  });

  test("give way to an offer with their names, and come back when it no longer has them", async () => {
    const { directory, configs, apply } = await prepared({}, holding(own));
    await apply("one", { "a.yaml": "1", "conf.d/own.yaml": "1" });
    expect(visible(directory)).toEqual({ ...own, "a.yaml": "1", "conf.d/own.yaml": "1" });
    await apply("two", { "conf.d/own.yaml": "2" });
    expect(visible(directory)).toEqual({ ...own, "conf.d/own.yaml": "2" });
    expect(await effective(configs)).toEqual({ "a.yaml": ["own a", "text/yaml"], "conf.d/own.yaml": ["2", ""] });
    expect(configs.current?.files).toEqual(["conf.d/own.yaml"]);
  });

  test("all come back with an offer without files, which is in use then", async () => {
    const { work, directory, configs, apply } = await prepared({}, holding(own));
    await apply("one", { "a.yaml": "1", "new/x": "1" });
    expect(await apply("none", {})).toBe("applied");
    expect(visible(directory)).toEqual(own);
    expect(configs.current).toEqual({ hash: new Uint8Array(Buffer.from("none")), files: [] });
    const again = await reopened(work);
    expect(again.configs.current?.files).toEqual([]);
    await again.apply("two", { "a.yaml": "2" });
    await again.apply("none again", {});
    expect(visible(directory)).toEqual(own);
  });

  test("keep their mode, which an offer in their place takes over", async () => {
    const { directory, apply } = await prepared({}, (path) => {
      holding(own)(path);
      writeFileSync(join(path, "secret"), "own", { mode: 0o604 });
    });
    await apply("one", { secret: "1", "a.yaml": "1" });
    expect(statSync(join(directory, "secret")).mode & 0o777).toBe(0o604);
    await apply("none", {});
    expect(statSync(join(directory, "secret")).mode & 0o777).toBe(0o604);
    expect(visible(directory)["secret"]).toBe("own");
  });

  test("come back with later edits, and are kept aside where a new file replaced the link", async () => {
    const { directory, lines, apply } = await prepared({}, holding(own));
    await apply("one", { "a.yaml": "1", "README.md": "1" });
    await apply("none", {});
    writeFileSync(join(directory, "a.yaml"), "edited a");
    replaceLink(directory, "README.md", "edited c");
    await apply("two", { "a.yaml": "2", "README.md": "2" });
    expect(visible(directory)["README.md"]).toBe("2");
    const kept = join(directory, ".opamp/opamp-config/changed/1");
    expect(lines.all).toContain(`warn changed by somebody else, and replaced now: README.md; kept in ${kept}`);
    expect(readFileSync(join(kept, "README.md"), "utf8")).toBe("edited c");
    await apply("none again", {});
    expect(visible(directory)).toEqual({ ...own, "a.yaml": "edited a" });
  });

  test("are rolled back to as edited before any offer was applied", async () => {
    const { directory, apply } = await prepared({ command: 'test "$OPAMP_CONFIG_HASH" = ""' }, holding(own));
    expect(await apply("one", { "a.yaml": "1" })).toContain("exit code 1");
    replaceLink(directory, "a.yaml", "edited a");
    expect(await apply("two", { "a.yaml": "2", "b.yaml": "2" })).toContain("exit code 1");
    expect(visible(directory)).toEqual({ ...own, "a.yaml": "edited a" });
  });

  test("are kept too if they appear while an offer is in use", async () => {
    const { directory, apply } = await prepared({}, holding(own));
    await apply("one", { "a.yaml": "1" });
    writeFileSync(join(directory, "late.yaml"), "own late");
    await apply("two", { "late.yaml": "2" });
    expect(visible(directory)).toEqual({ ...own, "late.yaml": "2" });
    await apply("three", { "a.yaml": "3" });
    expect(visible(directory)).toEqual({ ...own, "a.yaml": "3", "late.yaml": "own late" });
  });

  test("do not include a program's rewrite of an offered file, which is reported and goes with the offer", async () => {
    const { directory, configs, lines, apply } = await prepared({}, holding(own));
    await apply("one", { "a.yaml": "1", "b.yaml": "1" });
    for (const name of ["a.yaml", "b.yaml"]) replaceLink(directory, name, "1, rewritten");
    expect((await effective(configs))["a.yaml"]).toEqual(["1, rewritten", ""]);
    await apply("two", { "c.yaml": "2" });
    expect(visible(directory)).toEqual({ ...own, "c.yaml": "2" });
    const kept = join(directory, ".opamp/opamp-config/changed/1");
    expect(lines.all).toContain(`warn changed by somebody else, and replaced now: a.yaml, b.yaml; kept in ${kept}`);
    for (const name of ["a.yaml", "b.yaml"]) expect(readFileSync(join(kept, name), "utf8")).toBe("1, rewritten");
  });

  test("are kept in every version when somebody changes them repeatedly", async () => {
    const { work, directory, apply } = await prepared({}, holding(own));
    await apply("zero", { "conf.d/own.yaml": "0" });
    for (const hash of ["one", "two", "three"]) {
      replaceLink(directory, "conf.d/own.yaml", `before ${hash}`);
      await apply(hash, { "a.yaml": hash });
      await reopened(work);
    }
    const changed = everything(join(directory, ".opamp/opamp-config/changed"));
    const kept = ["1", "2", "3"].map((number) => changed[`${number}/conf.d/own.yaml`]);
    expect(kept).toEqual(["before one", "before two", "before three"]);
    expect(visible(directory)).toEqual({ ...own, "a.yaml": "three" });
  });

  test("are kept aside where somebody put them in place of a directory of an offer", async () => {
    const { directory, apply } = await prepared({}, holding(own));
    await apply("one", { "new/x": "1", y: "1" });
    replaceLink(directory, "new", "a file");
    expect(await apply("two", { "new/x": "2" })).toBe("applied");
    expect(visible(directory)).toEqual({ ...own, "new/x": "2" });
    expect(readFileSync(join(directory, ".opamp/opamp-config/changed/1/new"), "utf8")).toBe("a file");
    expect(litter(directory)).toEqual([]);
  });

  test("are reported before any offer if they are configured as local files", async () => {
    const localFiles = ["a.yaml", "conf.d/own.yaml", "missing.json"];
    const { configs, apply } = await prepared({ localFiles }, holding(own));
    const reported = { "a.yaml": ["own a", "text/yaml"], "conf.d/own.yaml": ["own b", "text/yaml"] };
    expect(await effective(configs)).toEqual(reported);
    await apply("one", { "a.yaml": "1" });
    expect(await effective(configs)).toEqual({ ...reported, "a.yaml": ["1", ""] });
  });
});

describe("what is in the way of an offered file", () => {
  test("a directory is not replaced", async () => {
    const { work, directory, apply } = await prepared({}, holding({ "conf.d/own.yaml": "own" }));
    const before = everything(work);
    expect(await apply("one", { "conf.d": "1" })).toBe(
      `"conf.d" cannot be written: ${join(directory, "conf.d")} is a directory`,
    );
    expect(everything(work)).toEqual(before);
  });

  test("a link to elsewhere is neither replaced nor followed", async () => {
    const elsewhere = folderForTest();
    const { directory, apply } = await prepared({}, (path) => {
      mkdirSync(path);
      symlinkSync(elsewhere, join(path, "conf.d"));
    });
    expect(await apply("one", { "conf.d/a": "1" })).toContain("is a symbolic link of your own to ");
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(visible(directory)).toEqual({});
  });

  test("the state directory is not written to, even if its name has no leading dot", async () => {
    const work = folderForTest();
    const { apply } = await reopened(work, { state: join(work, "config/kept") });
    for (const name of ["kept/trial.json", "Kept/versions/1-local/files/x", "kept"]) {
      expect(await apply("one", { name: "1", [name]: "{}" })).toBe(`"${name}" belongs to the agent itself`);
    }
    expect(await apply("one", { "keptish/a": "1" })).toBe("applied");
  });

  test("a file gives way to a directory of an offer, and comes back without it", async () => {
    const { directory, apply } = await prepared({}, holding({ "conf.d": "own" }));
    expect(await apply("one", { "conf.d/a": "1" })).toBe("applied");
    expect(visible(directory)).toEqual({ "conf.d/a": "1" });
    await apply("none", {});
    expect(visible(directory)).toEqual({ "conf.d": "own" });
  });
});
