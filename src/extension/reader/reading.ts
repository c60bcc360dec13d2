import { isObject } from "../../base/checks.js";
import type { OpAMPError } from "../../errors.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import type { ConfigSource } from "./config-source.js";
import { Expanded, expand } from "./expansion.js";
import { type KeyPath, pathText, placeText } from "./key-path.js";
import { type Mistake, Mistakes } from "./mistakes.js";

/** Something outside the configuration that a run needs. */
export type Needed =
  | { readonly kind: "secret" | "program"; readonly name: string }
  | { readonly kind: "tls"; readonly tls: TlsOptions };

/** It, and the key that says so, with its line. */
export type Need = Needed & { readonly where: string };

/** How deeply lists and maps may nest. */
export const DEEPEST = 100;

/** What the readers of all blocks of one configuration share. */
export class Reading {
  readonly source: ConfigSource;
  readonly mistakes = new Mistakes();
  readonly needs: Need[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #warn: (text: string) => void;
  readonly #told = new Set<string>();
  /** Variables that are not set, by the keys that refer to them. */
  readonly #unset = new Map<string, string>();

  /** @param warn told, once for each, of what is odd but not wrong */
  constructor(source: ConfigSource, env: Readonly<Record<string, string | undefined>>, warn: (text: string) => void) {
    this.source = source;
    this.#env = env;
    this.#warn = warn;
  }

  /** A value with its references put in; `undefined`, and a mistake, where that cannot be done. */
  expand(path: KeyPath, raw: unknown): unknown {
    const fail = (problem: string, hint?: string) => this.mistakes.thrown(this.mistake("wrong", path, problem, hint));
    const unset = (name: string): void => {
      this.#unset.set(pathText(path), name);
      const shell = /command$/.test(path.findLast((key) => typeof key === "string") ?? "");
      const more = shell ? `; write $${name} if the shell should expand it` : "";
      this.note(path, `refers to the environment variable ${name}, which is not set and counts as empty${more}`);
    };
    let value: unknown;
    try {
      value = expand(raw, { env: this.#env, unset }, fail);
    } catch (error) {
      this.mistakes.take(error);
    }
    return value ?? undefined;
  }

  /** A value that is not text; `null` if a reference stands for nothing. */
  value(path: KeyPath, raw: unknown): unknown {
    const value = this.expand(path, raw);
    return value instanceof Expanded ? (value.value ?? null) : value;
  }

  /** A value with everything expanded that is in it. */
  deepValue(path: KeyPath, raw: unknown, depth = 0): unknown {
    // Thrown, and not only noted: what contains itself twice has no end.
    if (depth > DEEPEST) throw this.tooDeep(path.slice(0, -depth));
    const value = this.value(path, raw);
    const inner = (key: string | number, item: unknown) => this.deepValue([...path, key], item, depth + 1);
    if (Array.isArray(value)) return value.map((item, index) => inner(index, item));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(key, item)]));
  }

  tooDeep(path: KeyPath): OpAMPError {
    const problem = "nests too deeply, or contains itself";
    return this.mistakes.thrown(this.mistake("wrong", path, problem, "write it with fewer levels"));
  }

  /** A mistake about a key, with its place. */
  mistake(kind: Mistake["kind"], path: KeyPath, problem: string, hint: string | undefined): Mistake {
    const variable = this.#unset.get(pathText(path));
    const why = variable === undefined ? "" : `; the environment variable ${variable} is not set`;
    const position = this.source.positionOf(path);
    return { kind, path, problem: problem + why, hint, position };
  }

  /** Says of a key that it is right, and changes nothing. */
  note(path: KeyPath, text: string): void {
    this.#tell(`${this.where(path)}: ${text}`);
  }

  /** A path with its place in the text. */
  where(path: KeyPath): string {
    return pathText(path) + placeText(this.source.positionOf(path));
  }

  #tell(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#warn(text);
  }
}
