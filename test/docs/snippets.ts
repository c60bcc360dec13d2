import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";

/** A `ts` block of the README or of a page in docs/. */
export interface Snippet {
  file: string;
  /** The line of its first line of code. */
  line: number;
  /** From `<!-- run: NAME -->` before the block: which test runs it. */
  name: string | undefined;
  /** From `<!-- given: DECLARATIONS -->` before the block: what the reader's own program has, as ambient declarations. */
  given: string;
  code: string;
}

const root = resolve(import.meta.dirname, "../..");

/** Every `ts` block of README.md and docs/*.md. */
export function snippets(): readonly Snippet[] {
  const pages = readdirSync(join(root, "docs")).filter((file) => file.endsWith(".md"));
  const files = ["README.md", ...pages.sort().map((file) => `docs/${file}`)];
  return files.flatMap((file) => snippetsIn(ts.sys.readFile(join(root, file)) ?? "", file));
}

/** The `ts` blocks of one page's text. */
export function snippetsIn(markdown: string, file: string): readonly Snippet[] {
  const block = /(?<comments>(?:^<!--(?:(?!-->)[\s\S])*-->\n)*)^(?<fence>```ts\n)(?<code>[\s\S]*?)^```$/gm;
  return [...markdown.matchAll(block)].map(({ index, groups = {} }) => {
    const { comments = "", fence = "", code = "" } = groups;
    return {
      file,
      line: markdown.slice(0, index + comments.length + fence.length).split("\n").length,
      name: /<!--\s*run:\s*(\S+)\s*-->/.exec(comments)?.[1],
      given: /<!--\s*given:([\s\S]*?)-->/.exec(comments)?.[1]?.trim() ?? "",
      code,
    };
  });
}

/** The snippet that a page marks with this name. */
export function snippetNamed(name: string): Snippet {
  const [snippet, ...others] = snippets().filter((candidate) => candidate.name === name);
  if (snippet === undefined || others.length > 0) throw new Error(`${others.length + 1} snippets are named ${name}`);
  return snippet;
}

/** Type-checks snippets in one program, against the package's source. Returns one line for each error. */
export function typeErrors(all: readonly Snippet[]): readonly string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const texts = new Map(all.map((snippet) => [fileNameOf(snippet), moduleOf(snippet)]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.getSourceFile = (file, languageOptions, ...rest) => {
    const text = texts.get(file);
    return text === undefined
      ? getSourceFile(file, languageOptions, ...rest)
      : ts.createSourceFile(file, text, languageOptions, true);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return all.flatMap((snippet) => {
    const source = program.getSourceFile(fileNameOf(snippet));
    if (source === undefined) return [`${snippet.file}:${snippet.line}: not compiled`];
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((problem) => {
      const line = source.getLineAndCharacterOfPosition(problem.start ?? 0).line + snippet.line;
      return `${snippet.file}:${line}: ${ts.flattenDiagnosticMessageText(problem.messageText, " ")}`;
    });
  });
}

/**
 * Runs a snippet as it stands on the page, against the package's source (within vitest, which knows the names).
 *
 * @param replace texts to put in place of others, the server's address for instance; each must occur
 * @param given values for the names that the page declares as given
 * @returns the values of the names that the snippet declares at its top level
 */
export async function runSnippet(
  snippet: Snippet,
  { replace = {}, given = {} }: { replace?: Record<string, string>; given?: Record<string, unknown> } = {},
): Promise<Readonly<Record<string, unknown>>> {
  let { code } = snippet;
  for (const [from, to] of Object.entries(replace)) {
    if (!code.includes(from)) throw new Error(`${snippet.file}:${snippet.line}: "${from}" does not occur`);
    code = code.replaceAll(from, to);
  }
  const modules = new Map<string, unknown>();
  for (const { fileName } of ts.preProcessFile(code).importedFiles) {
    modules.set(fileName, await import(fileName));
  }
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023, esModuleInterop: true },
  });
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const names = topLevelNames(code);
  const run = AsyncFunction("require", "exports", ...Object.keys(given), `${outputText}\nreturn { ${names.join()} };`);
  return run((name: string) => modules.get(name), {}, ...Object.values(given));
}

function fileNameOf({ file, line }: Snippet): string {
  return join(root, `${file.replaceAll(/[^\w]/g, "-")}-${line}.ts`).replaceAll("\\", "/");
}

/** The snippet as a module. The given declarations share its first line, so that line numbers stay the page's. */
function moduleOf({ given, code }: Snippet): string {
  return `export {}; ${given.replaceAll("\n", " ")} ${code}`;
}

function topLevelNames(code: string): readonly string[] {
  const source = ts.createSourceFile("snippet.ts", code, ts.ScriptTarget.ES2023);
  return source.statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) return statement.name?.text ?? [];
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? name.text : []));
  });
}
