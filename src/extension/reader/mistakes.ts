import { OpAMPError } from "../../errors.js";
import { type KeyPath, type Position, pathText, placeText } from "./key-path.js";

/** One thing that is wrong with a configuration. */
export interface Mistake {
  readonly kind: "wrong" | "unknown" | "missing";
  /** Of the key, or of the block that something is missing in. */
  readonly path: KeyPath;
  readonly problem: string;
  readonly hint: string | undefined;
  readonly position: Position | undefined;
  /** The known key that an unknown one was meant to be. */
  readonly meant?: string | undefined;
  /** What is missing, and for an unknown key what it may stand for. */
  readonly missing?: { readonly in: KeyPath; readonly keys: readonly string[] };
}

/** More of them in one answer help nobody. */
const MOST_TOLD = 100;

/** Everything that is wrong with one configuration, to be told in one error. */
export class Mistakes {
  readonly #found = new Map<string, Mistake>();
  /** Those that were thrown to end the reading of a block. */
  readonly #thrown = new WeakMap<OpAMPError, Mistake>();

  /** Whether further ones would not be told. */
  get isFull(): boolean {
    return this.#found.size > MOST_TOLD;
  }

  /** Of several about one key the first counts: the others follow from it. */
  add(mistake: Mistake): void {
    const key = JSON.stringify(mistake.path);
    if (!this.#found.has(key)) this.#found.set(key, mistake);
  }

  /** An error to be thrown where a block cannot be read any further; it counts once it is caught by `take`. */
  thrown(mistake: Mistake): OpAMPError {
    const error = errorOf(mistake);
    this.#thrown.set(error, mistake);
    return error;
  }

  /** Adds what was thrown as a mistake; throws anything else again. */
  take(error: unknown): void {
    const mistake = error instanceof OpAMPError ? this.#thrown.get(error) : undefined;
    if (mistake === undefined) throw error;
    this.add(mistake);
  }

  /** One error about all of them, in the order of the text; `undefined` where nothing is wrong. */
  get error(): OpAMPError | undefined {
    const all = [...this.#found.values()];
    const causes = all.filter(
      (mistake) => mistake.kind !== "missing" || !all.some((other) => explains(other, mistake)),
    );
    const [first, ...others] = causes.sort(byPosition);
    if (first === undefined) return undefined;
    return others.length === 0 ? errorOf(first) : errorOfAll([first, ...others].map(errorOf));
  }
}

/** One error for several: a line for each, with its hint; each of them is in its cause, an `AggregateError`. */
export function errorOfAll(errors: readonly OpAMPError[]): OpAMPError {
  const lines = errors.slice(0, MOST_TOLD).map(({ message, hint }) => `${message} (${hint})`);
  if (errors.length > MOST_TOLD) lines.push("there are more mistakes, which are not listed");
  const details = { hint: "correct each of these lines", cause: new AggregateError(errors) };
  return new OpAMPError("ERR_OPAMP_OPTION", lines.join("\n"), details);
}

function errorOf({ kind, path, problem, hint, meant, position }: Mistake): OpAMPError {
  const where = pathText(kind === "unknown" ? path.slice(0, -1) : path);
  const question = meant === undefined ? "" : `. Did you mean ${JSON.stringify(meant)}?`;
  return new OpAMPError("ERR_OPAMP_OPTION", `${where}: ${problem}${placeText(position)}${question}`, { hint });
}

/** Whether another mistake is why something is missing: in the block, in a value of these keys, or in the name of one. */
function explains(other: Mistake, { missing }: Mistake): boolean {
  if (missing === undefined || other.kind === "missing") return false;
  if (other.kind === "unknown") {
    const block = other.path.slice(0, -1);
    const wanted: KeyPath =
      block.length < missing.in.length ? missing.in.slice(block.length, block.length + 1) : missing.keys;
    return startsWith(missing.in, block) && wanted.some((key) => other.missing?.keys.some((each) => each === key));
  }
  if (!startsWith(other.path, missing.in)) return false;
  const below = other.path[missing.in.length];
  return below === undefined || missing.keys.some((key) => key === below);
}

function startsWith(path: KeyPath, start: KeyPath): boolean {
  return start.length <= path.length && start.every((key, index) => path[index] === key);
}

function byPosition({ position: a }: Mistake, { position: b }: Mistake): number {
  if (a === undefined || b === undefined) return Number(b === undefined) - Number(a === undefined) || 0;
  return a.line - b.line || a.column - b.column;
}
