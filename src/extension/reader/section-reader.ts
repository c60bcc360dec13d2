import { isObject } from "../../base/checks.js";
import { OpAMPError } from "../../errors.js";
import { parseDuration } from "./durations.js";
import { Expanded } from "./expansion.js";
import { type KeyPath, typeName } from "./key-path.js";
import { listedAsPairs } from "./listed-pairs.js";
import { DEEPEST, type Need, type Needed, type Reading } from "./reading.js";
import { type Elsewhere, unknownKey } from "./unknown-key.js";

/** A key, a path below it, or the block itself. */
type Below = string | number | KeyPath | undefined;

/** As components are named: `basicauth`, `oauth2client/mine`. */
const NAME = /^\s*[a-z_]{1,32}\d?[a-z_]{0,32}\s*(?:\/\s*[\w.-]{1,64}\s*)?$/;
const DURATION_HINT = "write it as Go does, such as 300ms, 30s or 1h30m";

/**
 * Reads one block of a configuration: each key by its name and type, references expanded when they are read. A key that is
 * there without a value, or refers to an empty variable, counts as the zero of its type, as in the Collector: false, 0, no
 * text. A block without anything in it counts as not given.
 *
 * A mistake is noted with the path of the key, its line if that is known, what is wrong and what would be right, and never
 * with a value; what is read in its place only serves to find the next one. `whole` throws them all.
 */
export class SectionReader {
  readonly path: KeyPath;
  readonly #reading: Reading;
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  constructor(reading: Reading, path: KeyPath, record: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.#reading = reading;
    this.#record = record;
  }

  /** The whole of a configuration. */
  static of(reading: Reading): SectionReader {
    const { root } = reading.source;
    if (isObject(root)) return new SectionReader(reading, [], root);
    const what = root === null || root === undefined ? "is empty" : `must be a map of keys, not ${typeName(root)}`;
    throw new OpAMPError("ERR_OPAMP_OPTION", `config: ${what}`, {
      hint: "give the extension's block, or a file with one",
    });
  }

  /** What the keys read so far need outside the configuration. */
  get needs(): readonly Need[] {
    return this.#reading.needs;
  }

  /**
   * What a function reads, here and below; it returns `undefined` only where a mistake has kept it from going on.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION` about all mistakes, in the order of their lines; nothing half read gets out
   */
  whole<T extends object>(read: () => T | undefined): T {
    const value = this.part(read);
    const { error } = this.#reading.mistakes;
    if (error !== undefined || value === undefined) throw error;
    return value;
  }

  /** What a function reads that ends at its first mistake; `undefined` then, and the mistake is noted. */
  part<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#reading.mistakes.take(error);
      return undefined;
    }
  }

  /** All keys that are there, known or not. */
  get keys(): readonly string[] {
    return Object.keys(this.#record);
  }

  /** The keys of a block, without reading it; none where there is no block. */
  keysBelow(key: string): readonly string[] {
    const given = Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
    return isObject(given) ? Object.keys(given) : [];
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
    if (text === undefined || text === "") this.lacks(key, problem, hint);
    return text ?? "";
  }

  flag(key: string, fallback: boolean): boolean {
    const given = this.#typed(key);
    if (given === undefined) return fallback;
    if (given === null) return false;
    if (typeof given === "boolean") return given;
    this.refuse(key, `must be true or false, not ${typeName(given)}`, "write true or false, without quotes");
    return fallback;
  }

  /** A whole number from 0 to `most`; 0 where none is given. */
  integer(key: string, most: number): number {
    const given = this.#typed(key) ?? 0;
    if (typeof given !== "number" || !Number.isInteger(given)) {
      const isNumber = typeof given === "number";
      const hint = isNumber ? "write it without what follows the point" : "write it without quotes";
      this.refuse(key, `must be a whole number, not ${isNumber ? "a fraction" : typeName(given)}`, hint);
      return 0;
    }
    if (given >= 0 && given <= most) return given;
    this.refuse(key, `must be from 0 to ${most}`, "write a number within these bounds");
    return 0;
  }

  /** A duration as Go writes it, in milliseconds; may be negative. */
  durationMs(key: string): number | undefined {
    const given = this.#typed(key);
    if (given === undefined) return undefined;
    if (given === null || given === 0) return 0;
    if (typeof given === "number")
      return this.refuse(key, "is a number without a unit", "write 30s for thirty seconds");
    if (typeof given !== "string") return this.refuse(key, `must be a duration, not ${typeName(given)}`, DURATION_HINT);
    return parseDuration(given) ?? this.refuse(key, "must be a duration", DURATION_HINT);
  }

  /** One of some words. */
  oneOf<T extends string>(key: string, allowed: readonly [T, ...T[]]): T {
    const given = this.text(key);
    if (given === undefined || given === "") return allowed[0];
    const found = allowed.find((word) => word === given);
    if (found === undefined) this.refuse(key, `must be one of ${allowed.join(", ")}`, "write one of these words");
    return found ?? allowed[0];
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
    return this.#block([key], this.#typed(key));
  }

  /** An optional block. */
  sectionOrEmpty(key: string): SectionReader {
    return this.section(key) ?? this.#below([key], {});
  }

  /** A list of blocks. */
  sections(key: string): readonly SectionReader[] {
    return this.#list(key, this.#typed(key) ?? []).flatMap((item, index) => {
      const below = [key, index];
      // An item without anything in it is one all the same, with nothing in it.
      return this.#block(below, this.#reading.value(this.#pathOf(below), item) ?? {}) ?? [];
    });
  }

  /** A value of any type, with everything expanded that is in it. */
  value(key: string): unknown {
    return this.part(() => this.#reading.deepValue(this.#pathOf(key), this.#raw(key)));
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
  done(elsewhere: Elsewhere = {}): void {
    const { mistakes } = this.#reading;
    const known = [...this.#known];
    for (const key of this.keys.filter((given) => !this.#known.has(given))) {
      if (mistakes.isFull) return;
      mistakes.add(unknownKey(this.#reading, this.path, key, known, elsewhere));
    }
  }

  /** Notes what is wrong with a key, with what is further below, or with the block itself. @returns undefined */
  refuse(below: Below, problem: string, hint?: string): undefined {
    this.#reading.mistakes.add(this.#reading.mistake("wrong", this.#pathOf(below), problem, hint));
  }

  /**
   * Notes that a key is missing, or that the block has none of several; not told where another mistake is the reason: in the
   * value of such a key, or in one that was meant to be it. @returns undefined
   */
  lacks(keys: string | readonly string[], problem: string, hint?: string): undefined {
    const mistake = this.#reading.mistake("missing", this.#pathOf(typeof keys === "string" ? keys : []), problem, hint);
    this.#reading.mistakes.add({ ...mistake, missing: { in: this.path, keys: [keys].flat() } });
  }

  /** The error that ends the reading of a block, up to the next `part` or `whole`; else like `refuse`. */
  wrong(below: Below, problem: string, hint?: string): OpAMPError {
    return this.#reading.mistakes.thrown(this.#reading.mistake("wrong", this.#pathOf(below), problem, hint));
  }

  /** Warns that a key, or the block itself, is right and changes nothing. */
  note(below: Below, text: string): void {
    this.#reading.note(this.#pathOf(below), text);
  }

  /** Says what a run needs outside the configuration because of a key, or of the block. */
  need(below: Below, needed: Needed): void {
    this.#reading.needs.push({ where: this.#reading.where(this.#pathOf(below)), ...needed });
  }

  #pathOf(below: Below): KeyPath {
    return this.path.concat(below ?? []);
  }

  #raw(key: string): unknown {
    this.#known.add(key);
    return Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
  }

  /** The value of a key that is not text: `undefined` if it is absent, `null` if it is empty. */
  #typed(key: string): unknown {
    const raw = this.#raw(key);
    return raw === null ? null : this.#reading.value(this.#pathOf(key), raw);
  }

  #asText(below: KeyPath, raw: unknown): string | undefined {
    const value = this.#reading.expand(this.#pathOf(below), raw);
    if (value === undefined || typeof value === "string") return value;
    if (value instanceof Expanded) return value.text;
    const hint = typeof value === "object" ? "write a text" : "put it in quotes";
    return this.refuse(below, `must be text, not ${typeName(value)}`, hint);
  }

  #list(key: string, given: unknown): readonly unknown[] {
    if (Array.isArray(given)) return given;
    this.refuse(key, `must be a list, not ${typeName(given)}`, "write the items with a dash before each");
    return [];
  }

  #block(below: KeyPath, value: unknown): SectionReader | undefined {
    if (value === undefined || value === null) return undefined;
    if (isObject(value)) return this.#below(below, value);
    const hint = listedAsPairs(value) ?? "indent its keys below it";
    return this.refuse(below, `must be a map of keys, not ${typeName(value)}`, hint);
  }

  #below(below: KeyPath, record: Readonly<Record<string, unknown>>): SectionReader {
    const path = this.#pathOf(below);
    if (path.length > DEEPEST) throw this.#reading.tooDeep(path);
    return new SectionReader(this.#reading, path, record);
  }
}
