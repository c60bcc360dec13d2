import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { anchorsOf, headingsOf, linksOf } from "./markdown.js";

const root = resolve(import.meta.dirname, "../../..");
const pages = ["README.md", "CHANGELOG.md", ...markdownIn("docs")];

function markdownIn(folder: string): readonly string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".md")).map((file) => join(folder, file).replaceAll("\\", "/"));
}

const known = new Map<string, ReadonlySet<string>>();

function anchorsIn(page: string): ReadonlySet<string> {
  const anchors = known.get(page) ?? anchorsOf(readFileSync(join(root, page), "utf8"));
  known.set(page, anchors);
  return anchors;
}

/** What is wrong with the links of a page, or nothing. */
function problemsOf(page: string, text: string): readonly string[] {
  const own = anchorsOf(text);
  return linksOf(text).flatMap((link) => {
    if (/^https:/.test(link)) return [];
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : relative(root, resolve(root, dirname(page), path)).replaceAll("\\", "/");
    if (!isPublished(target)) return [`${page}: ${link} is not in the package`];
    if (!existsSync(join(root, target)) || statSync(join(root, target)).isDirectory())
      return [`${page}: ${link} is not a file`];
    if (anchor === undefined) return [];
    return (target === page ? own : anchorsIn(target)).has(anchor) ? [] : [`${page}: ${link} leads to no heading`];
  });
}

/** As npm decides it: README, LICENSE and package.json are always published. */
function isPublished(path: string): boolean {
  if (["README.md", "LICENSE", "package.json"].includes(path)) return true;
  const named = manifest.files.filter((pattern) => !pattern.startsWith("!"));
  return named.some((pattern) => matches(pattern, path));
}

/** A folder stands for all in it; `**` is any number of folders. */
function matches(pattern: string, path: string): boolean {
  const source = pattern
    .split("/")
    .map((part) => (part === "**" ? "(?:.+/)?" : `${part.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}/`))
    .join("");
  return new RegExp(`^${source}`).test(`${path}/`);
}

test("every link of the README, the changelog and docs leads to a heading or a file in the package", () => {
  expect(pages.flatMap((page) => problemsOf(page, readFileSync(join(root, page), "utf8")))).toEqual([]);
});

test("the README and the index of docs link to every page", () => {
  const expected = pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md");
  const linked = (page: string) => {
    const targets = linksOf(readFileSync(join(root, page), "utf8")).map((link) => link.split("#")[0] ?? "");
    return new Set(targets.map((target) => join(dirname(page), target)));
  };
  expect(expected.filter((page) => !linked("docs/README.md").has(page))).toEqual([]);
  const inReadme = linked("README.md");
  expect(expected.filter((page) => !page.startsWith("docs/api/") && !inReadme.has(page))).toEqual([]);
});

test("the README names the version, and the changelog has a section for it", () => {
  const headings = headingsOf(readFileSync(join(root, "CHANGELOG.md"), "utf8")).filter(({ level }) => level === 2);
  const [, latest] = headings;
  expect(headings[0]?.text).toBe("[Unreleased]");
  expect(latest?.text).toMatch(new RegExp(`^\\[${manifest.version.replaceAll(".", "\\.")}\\] - \\d{4}-\\d\\d-\\d\\d$`));
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`Version ${manifest.version} `);
});

describe("a link is refused that", () => {
  test.each([
    ["leads out of the package", "[a](src/index.ts)", "README.md: src/index.ts is not in the package"],
    ["leads nowhere", "[a](docs/nothing.md)", "README.md: docs/nothing.md is not a file"],
    ["leads to a folder", "[a](docs/api)", "README.md: docs/api is not in the package"],
    ["names no heading", "[a](docs/embed.md#nothing)", "README.md: docs/embed.md#nothing leads to no heading"],
    ["names no heading of its own page", "# A\n[a](#b)", "README.md: #b leads to no heading"],
  ])("%s", (_, text, problem) => {
    expect(problemsOf("README.md", text)).toEqual([problem]);
  });
});

describe("a link is accepted", () => {
  test.each([
    ["to a heading", "# `A`: b (c)\n[a](#a-b-c)"],
    ["to the second of two headings", "# A\n# A\n[a](#a-1)"],
    ["to an id", '<a id="x"></a> [a](#x)'],
    ["in code, where it is none", "`[a](b)`\n```ts\n[a](b)\n```"],
  ])("%s", (_, text) => {
    expect(problemsOf("README.md", text)).toEqual([]);
  });
});
