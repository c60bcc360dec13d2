import { describe, expect, test } from "vitest";
import { runSnippet, snippets, snippetsIn, typeErrors } from "./snippets.js";

const page = [
  "# Page",
  "",
  "<!-- run: greeting -->",
  "<!-- given:",
  "declare const name: string;",
  "declare const greet: (name: string) => string;",
  "-->",
  "```ts",
  'import { basename } from "node:path";',
  'import { type AgentToServer, AgentToServerSchema } from "opamp-client/proto";',
  'const place: string = basename("/somewhere/here");',
  "const text = greet(name) + place;",
  "const schema = await Promise.resolve(AgentToServerSchema.name);",
  "let unset: AgentToServer | undefined;",
  "```",
  "",
  "```sh",
  "not code",
  "```",
  "",
  "```ts",
  "const wrong: number = 'text';",
  "```",
].join("\n");

describe("the snippets of the README and of docs", () => {
  test("compile against the package's own types", () => {
    expect(typeErrors(snippets())).toEqual([]);
  });
});

describe("finding and running snippets", () => {
  const [greeting, wrong] = snippetsIn(page, "page.md");
  if (greeting === undefined || wrong === undefined) throw new Error("the page has two snippets");

  test("a block is found with its line, name and given declarations", () => {
    expect(greeting).toMatchObject({ file: "page.md", line: 9, name: "greeting" });
    expect(greeting.given).toMatch(/^declare const name: string;\ndeclare const greet/);
    expect(wrong).toMatchObject({ line: 22, name: undefined, given: "", code: "const wrong: number = 'text';\n" });
  });

  test("a type error is reported with the page's line", () => {
    expect(typeErrors([greeting, wrong])).toEqual(["page.md:22: Type 'string' is not assignable to type 'number'."]);
  });

  test("a snippet runs with given values and replaced texts, and hands back what it declares", async () => {
    const result = await runSnippet(greeting, {
      replace: { "/somewhere/here": "/there" },
      given: { name: "you", greet: (name: string) => `hello ${name} ` },
    });
    expect(result).toEqual({ place: "there", text: "hello you there", schema: "AgentToServer" });
  });

  test("a text to replace that does not occur is an error", async () => {
    await expect(runSnippet(greeting, { replace: { "wss://gone": "ws://x" } })).rejects.toThrow("wss://gone");
  });
});
