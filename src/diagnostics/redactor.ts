import { isUint8Array } from "node:util/types";
import { REDACTED, type RedactionLists, secretNames } from "./secret-names.js";
import { scrub } from "./secret-text.js";

export type { RedactionLists } from "./secret-names.js";

/** Takes secrets out of what is shown: one for logs, errors and diagnostics. Its methods must not throw. */
export interface Redactor {
  /**
   * A text without user, password and query values of URLs, credentials of `Authorization` headers, values whose name is
   * that of a secret (`password=...`, `"apiKey": "..."`), private keys in PEM, and JSON web tokens.
   */
  text(text: string): string;
  /** A value to be shown under a name: hidden where the name is that of a secret, else as {@link Redactor.text} would. */
  value(name: string, value: unknown): unknown;
  /** The same for every entry of a record, such as headers or attributes. */
  record(record: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** How many values one call looks at. */
const MOST_VALUES = 10_000;
const DEEPEST = 64;
const TOO_MUCH = "[...]";

/**
 * Makes a redactor.
 *
 * Names are compared word by word, so `token` hides `accessToken` and `X-ACCESS-TOKEN` and leaves `tokenizer` alone. What
 * is hidden by itself: passwords, pass phrases, secrets, tokens, API and other keys, authorization, cookies, credentials.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` for lists that are no lists of names
 */
export function createRedactor(lists: RedactionLists = {}): Redactor {
  const names = secretNames(lists);

  function show(name: string, value: unknown, budget: { left: number }, depth: number): unknown {
    budget.left -= 1;
    if (budget.left < 0 || depth > DEEPEST) return TOO_MUCH;
    if (value !== undefined && value !== null && names.isSecret(name)) return REDACTED;
    if (typeof value === "string") return scrub(value, names);
    if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
    if (typeof value !== "object" || value === null) return value;
    if (isUint8Array(value)) return `[${value.length} bytes]`;
    if (value instanceof Date) return new Date(value);
    if (value instanceof Error) return scrub(value.message, names);
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) {
        if (budget.left <= 0) return [...items, TOO_MUCH];
        items.push(show("", item, budget, depth + 1));
      }
      return items;
    }
    return entries(value, budget, depth + 1);
  }

  function entries(record: object, budget: { left: number }, depth: number): Record<string, unknown> {
    // Without a prototype, so that a key called "__proto__" is one like any other.
    const shown: Record<string, unknown> = Object.create(null);
    for (const [key, value] of Object.entries(record)) {
      if (budget.left <= 0) {
        shown[TOO_MUCH] = TOO_MUCH;
        break;
      }
      shown[key] = show(key, value, budget, depth);
    }
    return shown;
  }

  return guardedRedactor({
    text: (text) => scrub(String(text), names),
    value: (name, value) => show(name, value, { left: MOST_VALUES }, 0),
    record: (record) => entries(record, { left: MOST_VALUES }, 0),
  });
}

/** A redactor that does no harm: where it fails, nothing is shown. */
export function guardedRedactor(redactor: Redactor): Redactor {
  return {
    text(text) {
      const shown: unknown = attempt(() => redactor.text(text), REDACTED);
      return typeof shown === "string" ? shown : REDACTED;
    },
    value: (name, value) => attempt(() => redactor.value(name, value), REDACTED),
    record: (record) => attempt(() => redactor.record(record), {}),
  };
}

function attempt<T>(show: () => T, otherwise: T): T {
  try {
    return show();
  } catch {
    return otherwise;
  }
}
