import { mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mountPointsIn } from "../../../src/agent/config-directory/config-links.js";
import { everything, folderForTest, litter, visible } from "./folder.js";
import { effective, prepared, reopened } from "./prepared.js";

const LINKS: readonly [what: string, make: (work: string, directory: string) => void][] = [
  ["into a checkout", (_, directory) => symlinkSync("../real/main.yaml", join(directory, "main.yaml"))],
  [
    "with an absolute target",
    (work, directory) => symlinkSync(join(work, "real/main.yaml"), join(directory, "main.yaml")),
  ],
  [
    "through the data of a ConfigMap",
    (_, directory) => {
      mkdirSync(join(directory, "..2026"));
      writeFileSync(join(directory, "..2026/main.yaml"), "own\n");
      symlinkSync("..2026", join(directory, "..data"));
      symlinkSync("..data/main.yaml", join(directory, "main.yaml"));
    },
  ],
  [
    "to another link",
    (_, directory) => {
      symlinkSync("../real/main.yaml", join(directory, "middle"));
      symlinkSync("middle", join(directory, "main.yaml"));
    },
  ],
];

function real(directory: string): string {
  const work = join(directory, "..");
  mkdirSync(join(work, "real"));
  mkdirSync(directory);
  writeFileSync(join(work, "real/main.yaml"), "own\n");
  return work;
}

describe.each(LINKS)("a local file that is a link %s", (_, make) => {
  const begin = (directory: string) => make(real(directory), directory);

  test("is reported", async () => {
    const { configs } = await prepared({ localFiles: ["main.yaml"] }, begin);
    expect(await effective(configs)).toEqual({ "main.yaml": ["own\n", "text/yaml"] });
  });

  test("is not replaced by an offer of its name, which says what to do, and stays reported", async () => {
    const place = await prepared({ localFiles: ["main.yaml"] }, begin);
    const { work, directory, configs, apply } = place;
    const target = readlinkSync(join(directory, "main.yaml"));
    const before = everything(directory);
    expect(await apply("one", { "main.yaml": "offered\n", "b.yaml": "1" })).toBe(
      `"main.yaml" cannot be written: ${directory}/main.yaml is a symbolic link of your own to ${target}; put a copy in its place, so that offers lie over that`,
    );
    expect(everything(directory)).toEqual(before);
    expect(readFileSync(join(work, "real/main.yaml"), "utf8")).toBe("own\n");
    expect(await apply("two", { "b.yaml": "2" })).toBe("applied");
    expect(await effective(configs)).toMatchObject({ "main.yaml": ["own\n", "text/yaml"], "b.yaml": ["2", ""] });
    expect(litter(work)).toEqual([]);
  });
});

test("a local file below a link to a directory is reported", async () => {
  const { configs } = await prepared({ localFiles: ["conf.d/main.yaml"] }, (directory) => {
    symlinkSync(join(real(directory), "real"), join(directory, "conf.d"));
  });
  expect(await effective(configs)).toEqual({ "conf.d/main.yaml": ["own\n", "text/yaml"] });
});

test.each([
  ["a dangling link", "nowhere", "ENOENT"],
  ["a link to a directory", "../real", "it is not a regular file"],
  ["a link to itself", "main.yaml", "ELOOP"],
  ["a link to a device", "/dev/zero", "it is not a regular file"],
])("a local file that is %s is left out, with one warning", async (_, target, problem) => {
  const { directory, configs, lines } = await prepared({ localFiles: ["main.yaml"] }, (path) => {
    real(path);
    symlinkSync(target, join(path, "main.yaml"));
  });
  expect(await effective(configs)).toEqual({});
  expect(await effective(configs)).toEqual({});
  const warning = `warn ${directory}/main.yaml cannot be read and is not reported: ${problem}`;
  expect((await lines.next()).startsWith(warning)).toBe(true);
  rmSync(join(directory, "main.yaml"));
  writeFileSync(join(directory, "main.yaml"), "own\n");
  expect(await effective(configs)).toEqual({ "main.yaml": ["own\n", "text/yaml"] });
  expect(await lines.next()).toBe(`info ${directory}/main.yaml can be read again`);
});

test("a local file that is missing is left out without a word", async () => {
  const { configs, lines } = await prepared({ localFiles: ["main.yaml"] });
  expect(await effective(configs)).toEqual({});
  expect(lines.all).toEqual([]);
});

test("a link that somebody put in the place of an offered file is what is reported", async () => {
  const { work, directory, configs, apply } = await prepared();
  expect(await apply("one", { "main.yaml": "offered\n" })).toBe("applied");
  rmSync(join(directory, "main.yaml"));
  writeFileSync(join(work, "theirs"), "theirs\n");
  symlinkSync("../theirs", join(directory, "main.yaml"));
  expect(await effective(configs)).toEqual({ "main.yaml": ["theirs\n", ""] });
});

test("a config directory that is a link is used where it leads", async () => {
  const work = folderForTest();
  mkdirSync(join(work, "releases/5"), { recursive: true });
  writeFileSync(join(work, "releases/5/main.yaml"), "own\n");
  symlinkSync("releases/5", join(work, "config"));
  const { configs, apply } = await reopened(work, { localFiles: ["main.yaml"] });
  expect(await effective(configs)).toEqual({ "main.yaml": ["own\n", "text/yaml"] });
  expect(await apply("one", { "main.yaml": "offered\n" })).toBe("applied");
  expect(visible(join(work, "releases/5"))).toEqual({ "main.yaml": "offered\n" });
  expect(await apply("two", {})).toBe("applied");
  expect(visible(join(work, "releases/5"))).toEqual({ "main.yaml": "own\n" });
  expect(readlinkSync(join(work, "config"))).toBe("releases/5");
});

test("mount points are read with the escapes of the kernel", () => {
  const text = "1 2 8:1 / / rw - ext4 /dev/a rw\n3 1 8:1 /x /etc/my\\040dir/a\\134b\\011ü.yaml rw - ext4 /dev/a rw\n";
  expect([...mountPointsIn(text)]).toEqual(["/", "/etc/my dir/a\\b\tü.yaml"]);
});
