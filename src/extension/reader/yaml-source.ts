import { createRequire } from "node:module";
import type { CST, Document } from "yaml";
import { notLoaded } from "../../base/load.js";
import type { Steps } from "../../base/steps.js";

type Yaml = typeof import("yaml");

let loaded: Yaml | undefined;

/**
 * The YAML library, loaded by the first configuration that is YAML: most agents have none.
 *
 * @throws OpAMPError `ERR_OPAMP_INCOMPLETE`
 */
export function yaml(): Yaml {
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)("yaml") as Yaml;
    return loaded;
  } catch (cause) {
    throw notLoaded("yaml", cause);
  }
}

/** A part of a YAML text: a comment, or a tag. */
export interface Piece {
  readonly offset: number;
  readonly source: string;
}

/** A YAML text taken apart. */
export interface YamlSource {
  readonly documents: readonly Document.Parsed[];
  /** In the order of the text, as are the tags. */
  readonly comments: readonly Piece[];
  readonly tags: readonly Piece[];
}

/** How deeply maps and lists may nest. */
const DEEPEST = 200;

/** @returns `undefined` for text that is not YAML, or nests too deeply */
export function* readYaml(text: string): Steps<YamlSource | undefined> {
  const { Composer, Parser } = yaml();
  try {
    const tokens = [...new Parser().parse(text)];
    yield;
    const pieces = piecesOf(tokens);
    if (pieces === undefined) return undefined;
    const composer = new Composer({
      keepSourceTokens: true,
      uniqueKeys: false,
      logLevel: "silent",
      prettyErrors: false,
    });
    const documents: Document.Parsed[] = [];
    for (const document of composer.compose(tokens)) {
      documents.push(document);
      yield;
    }
    const isWrong = documents.some(({ errors }) => errors.length > 0) || composer.streamInfo().errors.length > 0;
    return isWrong ? undefined : { documents, ...pieces };
  } catch {
    // Whatever a text does to the parser, it is not to be shown as it is.
    return undefined;
  }
}

/** Whether it nests too deeply to be read, which can end the process; said without recursion. */
export function nestsTooDeeply(text: string): boolean {
  return piecesOf([...new (yaml().Parser)().parse(text)]) === undefined;
}

type Pieces = Pick<YamlSource, "comments" | "tags">;

/** Without recursion: nobody has looked yet how deep this is. */
function piecesOf(tokens: readonly CST.Token[]): Pieces | undefined {
  const comments: Piece[] = [];
  const tags: Piece[] = [];
  const open: { token: CST.Token; depth: number }[] = [];
  const put = (more: readonly (CST.Token | null | undefined)[] | undefined, depth: number): void => {
    for (const token of more ?? []) {
      if (token) open.push({ token, depth });
    }
  };
  put(tokens, 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > DEEPEST) return undefined;
    if (token.type === "comment") comments.push(token);
    else if (token.type === "tag") tags.push(token);
    if ("props" in token) put(token.props, depth);
    if ("start" in token) put(Array.isArray(token.start) ? token.start : [token.start], depth);
    if ("value" in token) put([token.value], depth);
    if ("end" in token) put(token.end, depth);
    if (!("items" in token)) continue;
    for (const item of token.items) {
      put(item.start, depth);
      put([item.key, item.value], depth + 1);
      put(item.sep, depth);
    }
  }
  const inOrder = (a: Piece, b: Piece): number => a.offset - b.offset;
  return { comments: comments.sort(inOrder), tags: tags.sort(inOrder) };
}
