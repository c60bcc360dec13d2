import { attempt } from "../../base/checks.js";
import { OVERDUE_HINT, readNamedFileSync } from "../../base/read-file.js";
import { codeOf, type OpAMPError } from "../../errors.js";
import { yamlValue } from "./config-source.js";

/** What came of a value that is nothing but one reference: of what type it is, and how it was written. */
export class Expanded {
  readonly value: unknown;
  /** For keys that want text: `007` stays `007`. */
  readonly text: string;

  constructor(value: unknown, text: string) {
    this.value = value;
    this.text = text;
  }
}

/** What references are looked up in. */
export interface References {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of a variable that is not set, and counts as empty. */
  unset(name: string): void;
}

/** Makes the error that names the key. */
export type Fail = (problem: string, hint?: string) => OpAMPError;

/** Values may refer to values that refer to values, but not without end. */
const MOST_ROUNDS = 1_000;
const LONGEST = 2 ** 20;
const ENV_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const LOCATION = /^([A-Za-z][A-Za-z0-9+.-]+):([\s\S]*)$/;
const FIX = "correct the variables that it refers to";
const HINT = `write \${env:NAME}, \${env:NAME:-default} or \${file:/path}, and $$ for a dollar sign`;

/**
 * Puts in what `${env:X}`, `${X}`, `${env:X:-default}` and `${file:path}` stand for, and takes `$$` for `$`, by the rules
 * of the Collector.
 *
 * What is inside a list or a record is left alone: it has its turn when it is read itself.
 *
 * @returns an {@link Expanded} where the whole text is one reference to what is not text
 * @throws OpAMPError made by `fail`; never with anything that a reference stands for
 */
export function expand(given: unknown, references: References, fail: Fail): unknown {
  if (typeof given !== "string") return given;
  const value = expandText(given, given, references, fail);
  if (typeof value === "string") return unescaped(value);
  return new Expanded(value.value, unescaped(innerText(value.text, given, references, fail)));
}

function expandText(from: string, given: string, references: References, fail: Fail): string | Expanded {
  let text = from;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const reference = findReference(text);
    if (reference === undefined) return text;
    const found = lookUp(reference.slice(2, -1), given.includes(reference), references, fail);
    const next = text.replaceAll(reference, () => found);
    if (reference === text) {
      const value = yamlValue(found);
      if (typeof value !== "string") return new Expanded(value, found);
    } else if (next === text) return text;
    text = next;
    if (text.length > LONGEST) throw fail(`stands for more than ${LONGEST} characters`, FIX);
  }
  throw fail("refers to itself without end", FIX);
}

/** A list or a record that came from a variable is wanted as text at times, with the references inside it put in too. */
function innerText(text: string, given: string, references: References, fail: Fail): string {
  // Where that fails, it can be used as what it is all the same.
  const inner = attempt(() => expandText(text, given, references, fail), text);
  return typeof inner === "string" ? inner : text;
}

function unescaped(text: string): string {
  return text.replaceAll("$$", "$");
}

/** The innermost reference of the first ones; none at all after one that is escaped. */
function findReference(text: string): string | undefined {
  for (let from = 0; ; ) {
    const end = text.indexOf("}", from);
    if (end < 0) return undefined;
    const start = text.lastIndexOf("${", end);
    if (start >= from) {
      const dollars = /\$*$/.exec(text.slice(from, start))?.[0].length ?? 0;
      return dollars % 2 === 1 ? undefined : text.slice(start, end + 1);
    }
    from = end + 1;
  }
}

/** @param showable whether it stands in the file as it is, and not in a variable, which may be a secret */
function lookUp(reference: string, showable: boolean, references: References, fail: Fail): string {
  const location = reference.includes(":") ? reference : `env:${reference}`;
  const [, scheme, opaque] = LOCATION.exec(location) ?? [];
  if (scheme === undefined || opaque === undefined) throw fail("has a reference without a scheme", HINT);
  if (opaque.includes("$")) throw fail("has a reference with a dollar sign inside", HINT);
  if (scheme === "env") return fromEnvironment(opaque, showable, references, fail);
  if (scheme === "file") return fromFile(opaque, showable, fail);
  const meant = opaque.startsWith("-") && showable ? `; write \${env:${scheme}:-...} for a default` : "";
  const which = showable ? `the scheme ${JSON.stringify(scheme)}` : "a scheme";
  throw fail(`has a reference with ${which}, which is not supported; env and file are${meant}`, HINT);
}

function fromEnvironment(opaque: string, showable: boolean, { env, unset }: References, fail: Fail): string {
  const [name = "", ...fallback] = opaque.split(":-");
  if (!ENV_NAME.test(name)) {
    const which = showable ? `the environment variable ${JSON.stringify(name)}` : "an environment variable";
    throw fail(`refers to ${which}, whose name is invalid: letters, digits and underscores make one`, HINT);
  }
  const found = env[name];
  if (found !== undefined) return found;
  if (fallback.length > 0) return fallback.join(":-");
  unset(name);
  return "";
}

function fromFile(path: string, showable: boolean, fail: Fail): string {
  try {
    // Files end in line breaks, which hardly ever belong to the value.
    return readNamedFileSync(path)
      .toString("utf8")
      .replace(/[\r\n]+$/, "");
  } catch (cause) {
    const code = codeOf(cause);
    const which = `${showable ? `the file ${path}` : "a file"}, which cannot be read${code ? ` (${code})` : ""}`;
    throw fail(`refers to ${which}`, code === "ETIMEDOUT" ? OVERDUE_HINT : "check the path and who may read the file");
  }
}
