import { describe, expect, test } from "vitest";
import { offeredFiles } from "../../../src/agent/config-directory/offered-files.js";
import { OpAMPError } from "../../../src/errors.js";
import { offer } from "./folder.js";

/** Where the files of an offer go. */
function paths(files: Parameters<typeof offer>[1]): string[] {
  return offeredFiles(offer("hash", files)).map(({ path }) => path);
}

/** Why an offer with these names is refused. */
function refusal(...names: readonly string[]): string {
  try {
    paths(Object.fromEntries(names.map((name) => [name, "text"])));
  } catch (error) {
    expect(error).toBeInstanceOf(OpAMPError);
    expect(error).toMatchObject({ code: "ERR_OPAMP_HANDLER", hint: expect.stringContaining("agent.yaml") });
    if (error instanceof OpAMPError) return error.message;
  }
  return "taken";
}

describe("a name that is safe", () => {
  for (const name of [
    "agent.yaml",
    "conf.d/inputs/cpu.yaml",
    "a/b/c/d/e/f/g/h",
    "with space.yaml",
    "späße.yaml",
    "a..b",
    "console.yaml",
    "com10",
    "x".repeat(200),
    "__proto__",
  ]) {
    test(`is accepted unchanged: ${name.slice(0, 30)}`, () => {
      expect(paths({ [name]: "text" })).toEqual([name]);
    });
  }
});

describe("a name that is not safe is refused", () => {
  for (const [name, problem] of [
    ["/etc/passwd", "is an absolute path"],
    ["../secrets", 'has ".." as a part'],
    ["a/../../b", 'has ".." as a part'],
    ["./a", 'has "." as a part'],
    ["a//b", "has an empty part"],
    ["a/", "has an empty part"],
    [".opamp/current", "has a part that begins with a dot"],
    ["a/.hidden", "has a part that begins with a dot"],
    ["a\\b", "has a backslash"],
    ["c:/windows", "has a colon"],
    ["a.yaml:stream", "has a colon"],
    ["a\0b", "has a control or an invisible character"],
    ["a\nb", "has a control or an invisible character"],
    ["a\u202eb", "has a control or an invisible character"],
    ["a\ud800b", "has a control or an invisible character"],
    ["a.", "has a part that ends with a dot or a space"],
    ["a /b", "has a part that ends with a dot or a space"],
    ["con", "has a part that is the name of a device on Windows"],
    ["a/NUL.txt", "has a part that is the name of a device on Windows"],
    ["lpt1.yaml", "has a part that is the name of a device on Windows"],
    ["x".repeat(201), "has a part of over 200 bytes"],
    ["é".repeat(101), "has a part of over 200 bytes"],
    ["a/b/c/d/e/f/g/h/i", "is more than 8 levels deep"],
  ] as const) {
    test(`${JSON.stringify(name).slice(0, 40)} ${problem}`, () => {
      const message = refusal(name);
      expect(message).toContain(problem);
      expect(message).toMatch(/^the name "/);
      expect(message).not.toMatch(/\p{Cc}/u);
      expect(message.length).toBeLessThan(250);
    });
  }

  test("two names that differ only in case or composition are refused", () => {
    expect(refusal("agent.yaml", "Agent.YAML")).toBe('the name "Agent.YAML" goes to the same file as "agent.yaml"');
    expect(refusal("\u00e9.yaml", "e\u0301.yaml")).toContain("goes to the same file as");
  });

  test("a name that is a file and a directory of another is refused", () => {
    expect(refusal("a/b/c", "A")).toBe('the name "a/b/c" needs a directory where "A" is a file');
    expect(refusal("a", "a/b/c")).toBe('the name "a/b/c" needs a directory where "a" is a file');
    expect(refusal("ab", "a/b")).toBe("taken");
  });

  test("more than 4 000 files are refused", () => {
    const names = Array.from({ length: 4_001 }, (_, index) => `${index}.yaml`);
    expect(() => paths(Object.fromEntries(names.map((name) => [name, ""])))).toThrow(
      "the configuration has 4001 files: 4000 at most",
    );
    expect(paths(Object.fromEntries(names.slice(1).map((name) => [name, ""])))).toHaveLength(4_000);
  });
});

describe("a single file without a name", () => {
  for (const [contentType, path] of [
    ["text/yaml", "config.yaml"],
    ["application/x-YAML", "config.yaml"],
    ["application/json; charset=utf-8", "config.json"],
    ["text/plain", "config"],
    ["", "config"],
  ] as const) {
    test(`of type "${contentType}" is called ${path}`, () => {
      expect(paths({ "": ["text", contentType] })).toEqual([path]);
    });
  }

  test("is refused beside one that has that name", () => {
    expect(() => paths({ "": ["text", "text/yaml"], "config.yaml": "text" })).toThrow(
      'the name "config.yaml" goes to the same file as ""',
    );
  });
});
