import {
  type Application,
  ArrayType,
  Comment,
  CommentTag,
  type Context,
  Converter,
  DeclarationReflection,
  LiteralType,
  ParameterReflection,
  type ProjectReflection,
  ReferenceType,
  ReflectionKind,
  SignatureReflection,
  type SomeType,
  TypeOperatorType,
  UnionType,
} from "typedoc";
import { apiSections } from "./api-sections.js";

/** Type aliases by the literals that they stand for. */
type Unions = Map<string, { alias: DeclarationReflection; literals: readonly LiteralType[] }>;

/** Has TypeDoc put every export below its section, and name what it would show without a name. */
export function prepare({ converter }: Application, sourceFolder: string): void {
  const unions: Unions = new Map();
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context: Context, reflection: DeclarationReflection) => {
    if (reflection.kind !== ReflectionKind.TypeAlias || reflection.type instanceof UnionType) return;
    const literals = literalsOf(reflection, context);
    if (literals.length > 0) unions.set(keyOf(literals), { alias: reflection, literals });
  });
  converter.on(Converter.EVENT_RESOLVE_BEGIN, (context: Context) => {
    for (const { children = [] } of context.project.children ?? []) {
      for (const exported of [...children]) {
        // What another entry point exports too is described there.
        if (exported.kind === ReflectionKind.Reference) context.project.removeReflection(exported);
        else categorize(exported, context, sourceFolder);
      }
    }
    for (const reflection of Object.values(context.project.reflections)) {
      if (reflection instanceof ParameterReflection && reflection.name === "__namedParameters")
        reflection.name = "options";
      if (reflection instanceof DeclarationReflection) delete reflection.implementedTypes;
      if (isTyped(reflection)) reflection.type = withNames(reflection.type, unions, context.project);
    }
    for (const { alias, literals } of unions.values()) alias.type = new UnionType([...literals]);
  });
}

/** Puts the exports first that their sections name as such. */
export function reorder(project: ProjectReflection): void {
  for (const { categories = [] } of project.children ?? []) {
    for (const category of categories) {
      const first = apiSections.find(({ title }) => title === category.title)?.first ?? [];
      const place = ({ name }: { name: string }) => (first.includes(name) ? first.indexOf(name) : first.length);
      category.children.sort((one, other) => place(one) - place(other));
    }
  }
}

function categorize(exported: DeclarationReflection, context: Context, sourceFolder: string): void {
  const file = context.getSymbolFromReflection(exported)?.declarations?.[0]?.getSourceFile().fileName ?? "";
  const source = file.slice(sourceFolder.length + 1);
  const section = apiSections.find(({ sources }) => sources.test(source))?.title ?? "";
  exported.comment ??= new Comment();
  exported.comment.blockTags.push(new CommentTag("@category", [{ kind: "text", text: section }]));
}

function isTyped(reflection: object): reflection is { type: SomeType } {
  const kinds = [DeclarationReflection, ParameterReflection, SignatureReflection];
  return kinds.some((kind) => reflection instanceof kind) && "type" in reflection && reflection.type !== undefined;
}

/** A type with the aliases in it that TypeDoc has resolved: a union made of a table's keys forgets its name. */
function withNames(type: SomeType, unions: Unions, project: ProjectReflection): SomeType {
  const inside = (one: SomeType) => withNames(one, unions, project);
  if (type instanceof ReferenceType && type.typeArguments) type.typeArguments = type.typeArguments.map(inside);
  if (type instanceof ArrayType) type.elementType = inside(type.elementType);
  if (type instanceof TypeOperatorType) type.target = inside(type.target);
  if (!(type instanceof UnionType) || !type.types.every((one) => one instanceof LiteralType)) return type;
  const alias = unions.get(keyOf(type.types))?.alias;
  return alias === undefined ? type : ReferenceType.createResolvedReference(alias.name, alias, project);
}

/** The texts that a type alias stands for; none where it stands for anything else. */
function literalsOf(alias: DeclarationReflection, context: Context): readonly LiteralType[] {
  const symbol = context.getSymbolFromReflection(alias);
  const type = symbol && context.checker.getDeclaredTypeOfSymbol(symbol);
  const all = type?.isUnion() ? type.types : [];
  const texts = all.flatMap((one) => (one.isStringLiteral() ? new LiteralType(one.value) : []));
  return texts.length === all.length ? texts : [];
}

function keyOf(types: readonly SomeType[]): string {
  return types.map(String).sort().join();
}
