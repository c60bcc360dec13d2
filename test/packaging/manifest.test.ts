import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import tsconfig from "../../tsconfig.json" with { type: "json" };

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(resolve(root, path), "utf8");

describe("package.json", () => {
  const { "./package.json": _, ...entryPoints } = manifest.exports;
  const folders = Object.keys(entryPoints).map((name) => name.slice(2));

  test("exports under each name what the sources have under it, in one form for each kind of loader", () => {
    const expected = folders.map((folder) => {
      const file = join(folder, "index");
      const inForm = (form: string) => ({ types: `./dist/${form}${file}.d.ts`, default: `./dist/${form}${file}.js` });
      return [
        `./${folder}`.replace(/\/$/, ""),
        { module: `./dist/esm/${file}.js`, import: inForm(""), default: inForm("cjs/") },
      ];
    });
    expect(entryPoints).toEqual(Object.fromEntries(expected));
    const sources = folders.map((folder) => [join(manifest.name, folder), [`./${join("src", folder, "index.ts")}`]]);
    expect(Object.fromEntries(sources)).toEqual(tsconfig.compilerOptions.paths);
  });

  test("names the same for resolvers that do not know `exports`", () => {
    expect([manifest.main, manifest.types]).toEqual(["./dist/cjs/index.js", "./dist/cjs/index.d.ts"]);
    const others = folders.filter((folder) => folder !== "");
    const types = others.map((folder) => [folder, [`./dist/cjs/${folder}/index.d.ts`]]);
    expect(manifest.typesVersions).toEqual({ "*": Object.fromEntries(types) });
  });

  test("has no bundled package as a dependency, and names optional peers", () => {
    const { dependencies, peerDependencies, peerDependenciesMeta } = manifest;
    expect(Object.keys(dependencies)).not.toEqual(expect.arrayContaining(["uuid"]));
    expect(Object.keys(dependencies)).not.toEqual(expect.arrayContaining(["oauth4webapi"]));
    expect(Object.keys(peerDependenciesMeta)).toEqual(Object.keys(peerDependencies));
    expect(Object.values(peerDependenciesMeta).every(({ optional }) => optional)).toBe(true);
  });

  test("has only dependencies that docs/dependencies.md explains, and all of those", () => {
    const [, atRunTime = "", bundled = "", ofTheTestKit = "", forDevelopment = ""] =
      read("docs/dependencies.md").split(/^## /m);
    const explained = (section: string) => [...section.matchAll(/^\| `(.+?)` \|/gm)].map(([, name]) => name).sort();
    expect(explained(atRunTime)).toEqual(Object.keys(manifest.dependencies).sort());
    expect(explained(bundled)).toEqual(["oauth4webapi", "uuid"]);
    expect(explained(ofTheTestKit)).toEqual(Object.keys(manifest.peerDependencies).sort());
    const elsewhere = [...explained(bundled), ...explained(ofTheTestKit)];
    const tools = Object.keys(manifest.devDependencies).filter((name) => !elsewhere.includes(name));
    expect(explained(forDevelopment)).toEqual(tools.sort());
  });

  test("runs no build on installation", () => {
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
