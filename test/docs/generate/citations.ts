import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import ts from "typescript";

/** One call of `verifies`: what it claims to prove, and where. */
export interface Citation {
  ids: readonly string[];
  title: string;
  /** Path from the project's root, with forward slashes. */
  file: string;
  line: number;
}

const root = resolve(import.meta.dirname, "../../..");

/**
 * Every call of `verifies` that a test run can reach: in test files and in what they import from test/.
 *
 * Read from the source, since test files run in workers that do not see each other.
 *
 * @throws Error when a call's ids or title are not literals
 */
export function citations(): readonly Citation[] {
  const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join(root, "test", file));
  // The set grows while it is walked.
  const reached = new Set(files.sort());
  const found: Citation[] = [];
  for (const file of reached) {
    const text = readFileSync(file, "utf8");
    for (const imported of importsOf(text, file)) reached.add(imported);
    if (text.includes("verifies(")) found.push(...citationsIn(text, relative(root, file).replaceAll(sep, "/")));
  }
  return found;
}

/** The calls of `verifies` in one file's text. */
export function citationsIn(text: string, file: string): readonly Citation[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const found: Citation[] = [];
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || node.expression.text !== "verifies") return;
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const ids = idsOf(node.arguments[0]);
    const title = titleOf(node.arguments[1]);
    if (ids === undefined || title === undefined) throw new Error(`${file}:${line}: ids and title must be literals`);
    found.push({ ids, title, file, line });
  };
  visit(source);
  return found;
}

function importsOf(text: string, file: string): readonly string[] {
  return ts
    .preProcessFile(text)
    .importedFiles.filter(({ fileName }) => fileName.startsWith(".."))
    .map(({ fileName }) => resolve(dirname(file), fileName.replace(/\.js$/, ".ts")))
    .filter((path) => path.startsWith(join(root, "test") + sep) && ts.sys.fileExists(path));
}

function idsOf(argument: ts.Expression | undefined): readonly string[] | undefined {
  if (argument === undefined) return undefined;
  if (ts.isStringLiteralLike(argument)) return [argument.text];
  if (!ts.isArrayLiteralExpression(argument)) return undefined;
  const ids = argument.elements.filter(ts.isStringLiteralLike).map(({ text }) => text);
  return ids.length === argument.elements.length ? ids : undefined;
}

/** The title; what is filled in at run time stands in braces. */
function titleOf(argument: ts.Expression | undefined): string | undefined {
  if (argument === undefined) return undefined;
  if (ts.isStringLiteralLike(argument)) return argument.text;
  if (!ts.isTemplateExpression(argument)) return undefined;
  const filledIn = argument.templateSpans.map((span) => `{${span.expression.getText()}}${span.literal.text}`);
  return argument.head.text + filledIn.join("");
}
