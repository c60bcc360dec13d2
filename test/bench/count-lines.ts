import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSourceFile, type Node, ScriptTarget, type SourceFile, SyntaxKind } from "typescript";
import type { Count } from "./section.js";

const source = resolve(import.meta.dirname, "../../src");
/** 18 400 for the inside; 3 000 for limits, secrets, complete answers, slow lines; 4 400 for fleets and the tools; 6 300 for connection settings. */
const LIMIT = 32_200;

/** Counts the lines of hand-written code in src, without comments and blank lines. */
export function countLines(): Count[] {
  const byFolder = new Map<string, { files: number; lines: number }>();
  for (const file of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.startsWith("gen/")) continue;
    const folder = file.includes("/") ? file.slice(0, file.indexOf("/")) : ".";
    const { files, lines } = byFolder.get(folder) ?? { files: 0, lines: 0 };
    byFolder.set(folder, { files: files + 1, lines: lines + codeLines(readFileSync(join(source, file), "utf8")) });
  }
  const folders = [...byFolder].sort(([, one], [, other]) => other.lines - one.lines);
  const sum = (key: "files" | "lines"): number => folders.reduce((total, [, folder]) => total + folder[key], 0);
  return [
    {
      measure: "code in src",
      value: sum("lines"),
      unit: "lines",
      limit: LIMIT,
      note: `${sum("files")} files`,
      details: folders.map(([folder, { files, lines }]) => `${folder}: ${lines} lines, ${files} files`),
    },
  ];
}

/** Lines with a token on them. */
function codeLines(text: string): number {
  const file = createSourceFile("file.ts", text, ScriptTarget.Latest);
  const lines = new Set<number>();
  addLines(file, file, lines);
  return lines.size;
}

function addLines(node: Node, file: SourceFile, lines: Set<number>): void {
  if (node.kind >= SyntaxKind.FirstJSDocNode && node.kind <= SyntaxKind.LastJSDocNode) return;
  const parts = node.getChildren(file);
  for (const part of parts) addLines(part, file, lines);
  if (parts.length > 0 || node.getWidth(file) === 0) return;
  const last = file.getLineAndCharacterOfPosition(node.end).line;
  for (let { line } = file.getLineAndCharacterOfPosition(node.getStart(file)); line <= last; line++) lines.add(line);
}
