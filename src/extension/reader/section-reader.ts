import { isObject } from "../../base/checks.js";
import { nearest } from "../../base/nearest.js";
import { OpAMPError } from "../../errors.js";
import type { ConfigSource } from "./config-source.js";
import { parseDuration } from "./durations.js";
import { Expanded, expand, type References } from "./expansion.js";
import { type KeyPath, pathText, typeName } from "./key-path.js";

/** How deeply lists and maps in a value may nest. */
const DEEPEST = 100;
/** As components are named: `basicauth`, `oauth2client/mine`. */
const NAME = /^\s*[a-z_]{1,32}\d?[a-z_]{0,32}\s*(?:\/\s*[\w.-]{1,64}\s*)?$/;
const DURATION_HINT = "write it as Go does, such as 300ms, 30s or 1h30m";

/**
 * Reads one block of a configuration: each key by its name and type, references expanded when they are read. A key that is
 * there without a value, or refers to an empty variable, counts as the zero of its type, as in the Collector: false, 0, no
 * text. A block without anything in it counts as not given.
 *
 * Everything that is wrong throws `ERR_OPAMP_OPTION` with the path of the key, its line if that is known, what is wrong and
 * what would be right, and never with a value.
 */
export class SectionReader {
  readonly path: KeyPath;
  readonly #source: ConfigSource;
  readonly #references: References;
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  constructor(source: ConfigSource, references: References, path: KeyPath, record: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.#source = source;
    this.#references = references;
    this.#record = record;
  }

  /** The whole of a configuration. */
  static of(source: ConfigSource, references: References): SectionReader {
    const { root } = source;
    if (isObject(root)) return new SectionReader(source, references, [], root);
    const what = root === null || root === undefined ? "is empty" : `must be a map of keys, not ${typeName(root)}`;
    throw new OpAMPError("ERR_OPAMP_OPTION", `config: ${what}`, {
      hint: "give the extension's block, or a file with one",
    });
  }

  /** All keys that are there, known or not. */
  get keys(): readonly string[] {
    return Object.keys(this.#record);
  }

  /** Whether a key is there with a value. */
  has(key: string): boolean {
    return (this.#typed(key) ?? undefined) !== undefined;
  }

  text(key: string): string | undefined {
    return this.#asText([key], this.#raw(key));
  }

  /** A text that must be there, and not be empty. */
  needText(key: string, problem: string, hint: string): string {
    const text = this.text(key);
    if (text === undefined || text === "") throw this.wrong(key, problem, hint);
    return text;
  }

  flag(key: string, fallback: boolean): boolean {
    const given = this.#typed(key);
    if (given === undefined) return fallback;
    if (given === null) return false;
    if (typeof given === "boolean") return given;
    throw this.wrong(key, `must be true or false, not ${typeName(given)}`, "write true or false, without quotes");
  }

  /** A whole number from 0 to `most`; 0 where none is given. */
  integer(key: string, most: number): number {
    const given = this.#typed(key) ?? 0;
    if (typeof given !== "number" || !Number.isInteger(given)) {
      throw this.wrong(key, `must be a whole number, not ${typeName(given)}`, "write it without quotes");
    }
    if (given >= 0 && given <= most) return given;
    throw this.wrong(key, `must be from 0 to ${most}`, "write a number within these bounds");
  }

  /** A duration as Go writes it, in milliseconds; may be negative. */
  durationMs(key: string): number | undefined {
    const given = this.#typed(key);
    if (given === undefined) return undefined;
    if (given === null || given === 0) return 0;
    if (typeof given === "number") throw this.wrong(key, "is a number without a unit", "write 30s for thirty seconds");
    if (typeof given !== "string") throw this.wrong(key, `must be a duration, not ${typeName(given)}`, DURATION_HINT);
    const ms = parseDuration(given);
    if (ms === undefined) throw this.wrong(key, "must be a duration", DURATION_HINT);
    return ms;
  }

  /** One of some words. */
  oneOf<T extends string>(key: string, allowed: readonly [T, ...T[]]): T {
    const given = this.text(key);
    if (given === undefined || given === "") return allowed[0];
    const found = allowed.find((word) => word === given);
    if (found !== undefined) return found;
    throw this.wrong(key, `must be one of ${allowed.join(", ")}`, "write one of these words");
  }

  /** Texts; one text with commas is a list too, as in the Collector. */
  textList(key: string): readonly string[] {
    const given = this.#typed(key);
    if (typeof given === "string") return given === "" ? [] : given.split(",");
    return this.#list(key, given ?? []).map((item, index) => this.#asText([key, index], item) ?? "");
  }

  /** A record of texts. */
  textMap(key: string): Readonly<Record<string, string>> {
    const block = this.section(key);
    if (block === undefined) return {};
    return Object.fromEntries(block.keys.map((name) => [name, block.text(name) ?? ""]));
  }

  /** A block; `undefined` when it is not there or has nothing in it, not even braces. */
  section(key: string): SectionReader | undefined {
    const given = this.#typed(key);
    return given === undefined || given === null ? undefined : this.#block([key], given);
  }

  /** An optional block. */
  sectionOrEmpty(key: string): SectionReader {
    return this.section(key) ?? this.#block([key], {});
  }

  /** A list of blocks. */
  sections(key: string): readonly SectionReader[] {
    return this.#list(key, this.#typed(key) ?? []).map((item, index) =>
      this.#block([key, index], this.#value([key, index], item)),
    );
  }

  /** A value of any type, with everything expanded that is in it. */
  value(key: string): unknown {
    return this.#deep([key], this.#raw(key));
  }

  /** A name in quotes for an error, unless a reference stands for it, or what stands there may be a secret. */
  quotedName(key: string): string {
    if (this.refers(key)) return "that it refers to";
    const raw = this.#raw(key);
    return typeof raw === "string" && NAME.test(raw) ? JSON.stringify(raw) : "that it names";
  }

  /** Whether there is a reference in a text. */
  refers(key: string): boolean {
    const raw = this.#raw(key);
    return typeof raw === "string" && raw.includes("${");
  }

  /** Takes a key for known without reading it. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#known.add(key);
  }

  /** Refuses every key that was neither read nor ignored; to be called when all are. */
  done(): void {
    for (const key of this.keys) {
      if (this.#known.has(key)) continue;
      const meant = nearest(key, this.#known);
      const known = [...this.#known].join(", ");
      const problem = meant === undefined ? "unknown key" : `unknown key; did you mean ${meant}?`;
      throw this.wrong(key, problem, meant === undefined ? `known are ${known}` : `write ${meant}; known are ${known}`);
    }
  }

  /** The error about a key, about what is further below, or about the block itself. */
  wrong(below: string | number | KeyPath | undefined, problem: string, hint?: string): OpAMPError {
    const path = this.path.concat(below ?? []);
    const text = `${pathText(path)}: ${problem}${this.#source.placeOf(path)}`;
    return new OpAMPError("ERR_OPAMP_OPTION", text, { hint });
  }

  #raw(key: string): unknown {
    this.#known.add(key);
    return Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
  }

  /** The value of a key that is not text: `undefined` if it is absent, `null` if it is empty. */
  #typed(key: string): unknown {
    const raw = this.#raw(key);
    return raw === null ? null : this.#value([key], raw);
  }

  #value(below: KeyPath, raw: unknown): unknown {
    const value = this.#expanded(below, raw);
    return value instanceof Expanded ? (value.value ?? null) : value;
  }

  #expanded(below: KeyPath, raw: unknown): unknown {
    return expand(raw, this.#references, (problem, hint) => this.wrong(below, problem, hint)) ?? undefined;
  }

  #asText(below: KeyPath, raw: unknown): string | undefined {
    const value = this.#expanded(below, raw);
    if (value === undefined || typeof value === "string") return value;
    if (value instanceof Expanded) return value.text;
    const hint = typeof value === "object" ? "write a text" : "put it in quotes";
    throw this.wrong(below, `must be text, not ${typeName(value)}`, hint);
  }

  #list(key: string, given: unknown): readonly unknown[] {
    if (Array.isArray(given)) return given;
    throw this.wrong(key, `must be a list, not ${typeName(given)}`, "write the items with a dash before each");
  }

  #block(below: KeyPath, value: unknown): SectionReader {
    if (!isObject(value)) {
      throw this.wrong(below, `must be a map of keys, not ${typeName(value)}`, "indent its keys below it");
    }
    return new SectionReader(this.#source, this.#references, [...this.path, ...below], value);
  }

  #deep(below: KeyPath, raw: unknown): unknown {
    if (below.length > DEEPEST) {
      throw this.wrong(below.slice(0, 1), "nests too deeply, or contains itself", "write it with fewer levels");
    }
    const value = this.#value(below, raw);
    if (Array.isArray(value)) return value.map((item, index) => this.#deep([...below, index], item));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#deep([...below, key], item)]));
  }
}
