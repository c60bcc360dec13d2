import { type HeaderSource, type HeaderSources, sourcesOf } from "../../transport/settings/headers.js";
import { secretsInHeaders } from "./known-secrets.js";

/** So many results are remembered: for a few functions, what they make now and what they made before. */
const REMEMBERED = 8;

/** Remembers what the host's header functions made last: a server that was sent it may repeat it. */
export class MadeHeaders {
  #made: readonly (readonly string[])[] = [];

  /** What must not be shown of it. */
  get secrets(): readonly string[] {
    return this.#made.flat();
  }

  /** The same sources, watched. */
  watched(sources: HeaderSources | undefined): HeaderSources | undefined {
    return sources && sourcesOf(sources).map((source) => (typeof source === "function" ? this.#watch(source) : source));
  }

  #watch(source: Extract<HeaderSource, (...given: never) => unknown>): HeaderSource {
    return async (context) => {
      const headers = await source(context);
      const secrets = secretsInHeaders(headers);
      const isKnown = this.#made.some((made) => made.join("\n") === secrets.join("\n"));
      if (!isKnown) this.#made = [secrets, ...this.#made].slice(0, REMEMBERED);
      return headers;
    };
  }
}
