import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import tsconfig from "../../tsconfig.json" with { type: "json" };

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(resolve(root, path), "utf8");

describe("package.json", () => {
  test("exports under each name what the sources have under it", () => {
    const { "./package.json": _, ...entryPoints } = manifest.exports;
    const built = Object.entries(entryPoints).map(([name, { types, default: code }]) => {
      expect(types).toBe(code.replace(/\.js$/, ".d.ts"));
      return [name.replace(/^\./, manifest.name), [code.replace("/dist/", "/src/").replace(/\.js$/, ".ts")]];
    });
    expect(Object.fromEntries(built)).toEqual(tsconfig.compilerOptions.paths);
  });

  test("has every dependency explained in docs/dependencies.md, and nothing else is", () => {
    const [, atRunTime = "", forDevelopment = ""] = read("docs/dependencies.md").split(/^## /m);
    const explained = (section: string) => [...section.matchAll(/^\| `(.+?)` \|/gm)].map(([, name]) => name).sort();
    expect(explained(atRunTime)).toEqual(Object.keys(manifest.dependencies).sort());
    expect(explained(forDevelopment)).toEqual(Object.keys(manifest.devDependencies).sort());
  });

  test("builds nothing on installation", () => {
    const hooks = ["preinstall", "install", "postinstall", "prepare", "prepublish"];
    expect(Object.keys(manifest.scripts).filter((script) => hooks.includes(script))).toEqual([]);
  });
});

describe("package-lock.json", () => {
  test("names no registry", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved": "https?:/);
  });

  // npm leaves out what its registry does not carry, and `npm ci` then refuses the file.
  test("locks the binaries of every platform", () => {
    const packages: Record<string, { optionalDependencies?: Record<string, string> }> = JSON.parse(
      read("package-lock.json"),
    ).packages;
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    const locked = Object.keys(packages).map((path) => path.split("node_modules/").at(-1));
    expect(wanted.filter((name) => !locked.includes(name))).toEqual([]);
  });
});
