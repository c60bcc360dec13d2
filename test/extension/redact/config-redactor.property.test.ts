import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Document, parseAllDocuments, type ToStringOptions, visit } from "yaml";
import { createConfigRedactor } from "../../../src/extension/redact/config-redactor.js";

const { text: redact } = createConfigRedactor();

/** In every part of every secret, and in nothing else. */
const MARK = "hunter";
const plainText = fc.constantFrom(
  "a",
  "two words",
  "it's",
  "# x",
  'say "x"',
  "a\nb\n",
  "a: b\n  c",
  "- x",
  "{",
  "yes",
  "",
);
const plain = fc.oneof(plainText, fc.integer(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
const part = fc.nat().map((n) => `${MARK}${n}`);
const joint = fc.constantFrom(" ", "\n", ": ", " # ", "'", '"', "\\", ", ", "]", "}", "\n\n  ", "\t", "ä", "|", "@");
const secret = fc.oneof(
  fc.array(fc.tuple(part, joint), { minLength: 1, maxLength: 4 }).map((parts) => parts.flat().join("")),
  part,
);
const plainKey = fc.constantFrom("a", "list", "two words", "endpoint", "x/1", "max_idle", "key_file");
const SECRET_KEYS = ["password", "api_key", "clientSecret", "X-Auth-Token", "headers", "http_headers"];
const secretKey = fc.constantFrom(...SECRET_KEYS);

function collections(inner: fc.Arbitrary<unknown>, key: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  return fc.oneof(fc.array(inner, { maxLength: 4 }), fc.dictionary(key, inner, { maxKeys: 4 }));
}

/** A map with what is below the names of secrets, and with what is not. */
function mixed(open: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const parts = fc.tuple(
    fc.dictionary(plainKey, open, { maxKeys: 3 }),
    fc.dictionary(secretKey, hidden, { maxKeys: 2 }),
  );
  return fc.oneof(
    fc.array(open, { maxLength: 4 }),
    parts.map(([shown, below]) => ({ ...shown, ...below })),
  );
}

const leaf = fc.oneof(secret, fc.constantFrom(null, ""));
const hiddenFlat = collections(leaf, plainKey);
const hidden = fc.oneof(secret, hiddenFlat, collections(fc.oneof(leaf, hiddenFlat), plainKey));
const draw = mixed(fc.oneof(plain, mixed(fc.oneof(plain, mixed(plain)))));

/** What is to come of it, said without looking at how it is written. */
function hide(value: unknown, isHidden = false): unknown {
  if (Array.isArray(value)) return value.map((item) => hide(item, isHidden));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => [
      key,
      hide(inner, isHidden || SECRET_KEYS.includes(key)),
    ]);
    return Object.fromEntries(entries);
  }
  return isHidden && value !== null && value !== "" ? "[REDACTED]" : value;
}

const style: fc.Arbitrary<ToStringOptions> = fc.record({
  collectionStyle: fc.constantFrom("any", "block", "flow"),
  defaultStringType: fc.constantFrom("PLAIN", "QUOTE_SINGLE", "QUOTE_DOUBLE", "BLOCK_LITERAL", "BLOCK_FOLDED"),
  defaultKeyType: fc.constantFrom("PLAIN", "QUOTE_SINGLE", "QUOTE_DOUBLE"),
  indent: fc.constantFrom(2, 4, 5),
  lineWidth: fc.constantFrom(0, 20, 80),
});

/** Written out in some style, with comments here and there. */
function written(value: unknown, options: ToStringOptions, comments: boolean): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  // In a block of text, what the writer puts there for a comment becomes text.
  if (comments && !options.defaultStringType?.startsWith("BLOCK")) {
    let nodes = 0;
    visit(document, {
      Scalar: (key, node) => {
        nodes += 1;
        if (key !== "key" && nodes % 3 === 0) node.comment = " a comment";
        else if (nodes % 5 === 0) node.commentBefore = " before";
      },
    });
  }
  return document.toString(options);
}

const parsed = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS());
const yamlText = fc.tuple(fc.array(draw, { minLength: 1, maxLength: 2 }), style, fc.boolean(), fc.boolean());

describe("whatever the configuration and however it is written,", () => {
  test("in YAML every secret is replaced, and nothing else changes", () => {
    fc.assert(
      fc.property(yamlText, ([draws, options, comments, isWindows]) => {
        const unix = draws.map((value) => written(value, options, comments)).join("---\n");
        const text = isWindows ? unix.replaceAll("\n", "\r\n") : unix;
        // The writer makes slips of its own, such as an empty list where no list may begin.
        fc.pre(parseAllDocuments(text).every(({ errors }) => errors.length === 0));
        const redacted = redact(text);
        expect(redacted).not.toContain(MARK);
        const hidden = parsed(text).map((value) => hide(value));
        expect(parsed(redacted)).toEqual(hidden);
        expect(redact(redacted)).toBe(redacted);
        if (isDeepStrictEqual(parsed(text), hidden)) expect(redacted).toBe(text);
        const commentsOf = (all: string): number => all.split(/# (?:a comment|before)/).length;
        expect(commentsOf(redacted)).toBe(commentsOf(text));
      }),
      { numRuns: 400 },
    );
  });

  test("in JSON every secret is replaced, and nothing else changes", () => {
    fc.assert(
      fc.property(draw, fc.constantFrom(0, 2, "\t"), (value, indent) => {
        const redacted = redact(JSON.stringify(value, null, indent));
        expect(redacted).toBe(JSON.stringify(hide(value), null, indent));
        expect(redact(redacted)).toBe(redacted);
      }),
      { numRuns: 300 },
    );
  });

  test("where it is broken, no secret of one word stays, and redacting it again changes nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(secretKey, part), { minLength: 1 }), fc.nat(), (entries, cut) => {
        const text = `${JSON.stringify(
          entries.map(([key, value]) => ({ [key]: { [key]: value } })),
          null,
          2,
        )}\na: b: c: [`;
        const broken = text.slice(0, cut % 7) + text.slice((cut % 7) + 1);
        const redacted = redact(broken);
        expect(redacted).not.toContain(MARK);
        expect(redact(redacted)).toBe(redacted);
      }),
      { numRuns: 100 },
    );
  });

  test("any text can be redacted, and redacting it again changes nothing", () => {
    const piece = fc.constantFrom(
      "password",
      "headers",
      ":",
      " ",
      "\n",
      "  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      '"',
      "'",
      "|",
      "#",
      "a",
      "&a ",
      "*a",
      "!!int ",
      "?",
      ",",
      "=",
      "\r\n",
      "---\n",
      "http://u:p@h ",
      "\t",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const redacted = redact(pieces.join(""));
        expect(redact(redacted)).toBe(redacted);
      }),
      { numRuns: 1_000 },
    );
  });
});
