import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";

// What users see of the package: every optional member takes `undefined`, as it does at run time, and every member that
// they can call, give or read has a docstring, without ids of documents that they do not have.

const { exports: entries } = JSON.parse(readFileSync("package.json", "utf8"));
const sources = Object.keys(entries)
  .filter((name) => !name.endsWith(".json") && name !== "./proto")
  .map((name) => `src/${name === "." ? "" : `${name.slice(2)}/`}index.ts`);
const { config } = ts.readConfigFile("tsconfig.build.json", ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ".");
const program = ts.createProgram(sources, options);
const checker = program.getTypeChecker();

/** The declarations that the entry points name, and those in `src` that these name in turn. */
const faces = new Set<ts.Declaration>();

function visit(declaration: ts.Declaration): void {
  const file = declaration.getSourceFile().fileName;
  if (faces.has(declaration) || !file.startsWith(resolve("src")) || file.includes("/src/gen/")) return;
  faces.add(declaration);
  const look = (node: ts.Node): void => {
    // What a constructor takes is named by the entry points where users can call it.
    if (ts.isBlock(node) || isHidden(node) || ts.isConstructorDeclaration(node)) return;
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const name = ts.isTypeReferenceNode(node) ? node.typeName : node.expression;
      for (const target of declarationsOf(checker.getSymbolAtLocation(name))) visit(target);
    }
    ts.forEachChild(node, look);
  };
  look(declaration);
}

function declarationsOf(symbol: ts.Symbol | undefined): readonly ts.Declaration[] {
  if (symbol === undefined) return [];
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return (target.declarations ?? []).filter(
    (node) =>
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isFunctionDeclaration(node),
  );
}

function complain(node: ts.Node, problem: string): void {
  const file = node.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(node.getStart());
  console.error(`${file.fileName.slice(resolve(".").length + 1)}:${line + 1}: ${problem}`);
  process.exitCode = 1;
}

function takesUndefined(type: ts.TypeNode | undefined): boolean {
  if (type === undefined) return true;
  if (ts.isUnionTypeNode(type)) return type.types.some(takesUndefined);
  return type.kind === ts.SyntaxKind.UndefinedKeyword || type.kind === ts.SyntaxKind.UnknownKeyword;
}

function isHidden(node: ts.Node): boolean {
  if (ts.isClassElement(node) && node.name !== undefined && ts.isPrivateIdentifier(node.name)) return true;
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  );
}

/** What users call, give, read or name. */
function needsDocs(node: ts.Node): node is ts.NamedDeclaration {
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true;
  if (ts.isFunctionDeclaration(node)) return !isBehindOverloads(node);
  if (ts.isClassDeclaration(node)) return true;
  // There only to be seen as absent in one case of a union.
  if (ts.isPropertySignature(node) && node.type?.kind === ts.SyntaxKind.UndefinedKeyword) return false;
  const isMember = ts.isPropertySignature(node) || ts.isMethodSignature(node) || ts.isGetAccessor(node);
  return (isMember && ts.isInterfaceDeclaration(node.parent)) || ts.isMethodDeclaration(node) || ts.isGetAccessor(node);
}

/** Users see the signatures alone. */
function isBehindOverloads({ name, body, parent }: ts.FunctionDeclaration): boolean {
  const isSignature = (other: ts.Node) =>
    ts.isFunctionDeclaration(other) && other.body === undefined && other.name?.text === name?.text;
  return body !== undefined && ts.isSourceFile(parent) && parent.statements.some(isSignature);
}

function check(node: ts.Node): void {
  if (ts.isBlock(node) || isHidden(node)) return;
  if (ts.isPropertySignature(node) && node.questionToken !== undefined && !takesUndefined(node.type)) {
    complain(node, `${node.name.getText()} is optional, and its type does not take undefined`);
  }
  if (needsDocs(node) && ts.getJSDocCommentsAndTags(node).length === 0) {
    complain(node, `${node.name?.getText() ?? "this"} has no docstring`);
  }
  for (const { comment } of ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)) {
    const text = ts.getTextOfJSDocComment(comment) ?? "";
    if (/\((?:D\d+|AMB-\d+)\)/.test(text)) complain(node, "its docstring names an internal decision");
  }
  ts.forEachChild(node, check);
}

for (const file of sources) {
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${file} is not a module`);
  for (const exported of checker.getExportsOfModule(symbol))
    for (const declaration of declarationsOf(exported)) visit(declaration);
}
for (const declaration of faces) check(declaration);
