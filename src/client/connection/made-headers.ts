import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import { messageOf, OpAMPError } from "../../errors.js";
import {
  type HeaderContext,
  type HeaderFunction,
  type HeaderRecord,
  type HeaderSource,
  headersMadeBy,
  sourcesOf,
} from "../../transport/settings/headers.js";
import type { Clock } from "../clock.js";
import { secretsInHeaders } from "./known-secrets.js";

/** So many results are remembered: for a few functions, what they make now and what they made before. */
const REMEMBERED = 8;

/** What is done about functions that are not needed for a dial. */
export interface SparedParts {
  readonly clock: Clock;
  /** How long a dial waits for one, in milliseconds. */
  readonly limitMs: number;
  readonly failed: (error: OpAMPError) => void;
}

/** Calls the host's header functions, and remembers what they made last: a server that was sent it may repeat it. */
export class MadeHeaders {
  readonly #spared: SparedParts | undefined;
  #made: readonly (readonly string[])[] = [];
  /** The functions that failed last, as they are numbered in the options, and were told of. */
  readonly #failing = new Set<number>();

  constructor(spared: SparedParts | undefined) {
    this.#spared = spared;
  }

  /** What must not be shown of it. */
  get secrets(): readonly string[] {
    return this.#made.flat();
  }

  /** The same sources, watched; next to headers that the server offered, functions may fail. */
  watched({ headers, hasOfferedHeaders }: ConnectionSettings): readonly HeaderSource[] | undefined {
    const spared = hasOfferedHeaders && this.#spared;
    let functions = 0;
    const watch = (source: HeaderSource): HeaderSource => {
      if (typeof source !== "function") return source;
      functions += 1;
      return this.#watch(spared ? this.#sparing(source, functions, spared) : source);
    };
    return headers && sourcesOf(headers).map(watch);
  }

  #watch(source: HeaderFunction): HeaderFunction {
    return async (context) => {
      const headers = await source(context);
      const secrets = secretsInHeaders(headers);
      const isKnown = this.#made.some((made) => made.join("\n") === secrets.join("\n"));
      if (!isKnown) this.#made = [secrets, ...this.#made].slice(0, REMEMBERED);
      return headers;
    };
  }

  /** A failure is told once, until the function works again. */
  #sparing(source: HeaderFunction, number: number, spared: SparedParts): HeaderFunction {
    return async (context) => {
      try {
        const headers = await inTime(source, context, spared);
        this.#failing.delete(number);
        return headers;
      } catch (cause) {
        if (!this.#failing.has(number)) spared.failed(toldOf(cause));
        this.#failing.add(number);
        return {};
      }
    };
  }
}

/** @throws OpAMPError */
function inTime(source: HeaderFunction, context: HeaderContext, { clock, limitMs }: SparedParts) {
  return new Promise<HeaderRecord>((resolve, reject) => {
    const late = new OpAMPError("ERR_OPAMP_HEADERS", "the headers function did not return in time");
    const end = clock.after(limitMs, () => reject(late));
    headersMadeBy(source, context).then(resolve, reject).finally(end);
  });
}

function toldOf(cause: unknown): OpAMPError {
  const { code = "ERR_OPAMP_HEADERS", hint } = cause instanceof OpAMPError ? cause : {};
  const text = `headers of the options are left out, and only those that the server offered are sent: ${messageOf(cause)}`;
  return new OpAMPError(code, text, { cause, hint });
}
