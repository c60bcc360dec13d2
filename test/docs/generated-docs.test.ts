import { describe, expect, test } from "vitest";
import { currentText, generatedDocs, withSection } from "./generate/generated-docs.js";
import { stateDiagram } from "./generate/state-diagram.js";

describe("generated documents", () => {
  test.each(generatedDocs)("$path is what `npm run docs` would write", (doc) => {
    const current = currentText(doc);
    expect(doc.render(current)).toBe(current);
  });

  test("only the section between the markers is replaced", () => {
    const text = "a\n<!-- generated: x -->\nold\n<!-- end: x -->\nb\n";
    expect(withSection(text, "x", "new")).toBe("a\n<!-- generated: x -->\nnew\n<!-- end: x -->\nb\n");
  });

  test("a document without the markers is refused", () => {
    expect(() => withSection("text", "x", "new")).toThrow("<!-- generated: x -->");
  });

  test("the diagram has one arrow for each pair of states, and an end", () => {
    const diagram = stateDiagram({ a: { go: "b", jump: "b", stay: "a" }, b: {} });
    const lines = diagram.split("\n").map((line) => line.trim());
    expect(lines).toEqual([
      "```mermaid",
      "stateDiagram-v2",
      "[*] --> a",
      "a --> b: go, jump",
      "a --> a: stay",
      "b --> [*]",
      "```",
    ]);
  });
});
