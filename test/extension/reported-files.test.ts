import { describe, expect, test } from "vitest";
import { effectiveConfig } from "../../src/extension/effective-config/effective-config.js";
import { configRedaction, createConfigRedactor } from "../../src/extension/redact/config-redactor.js";
import type { OpAMPError } from "../../src/index.js";
import { refusal } from "../client/refusal.js";
import { isFull } from "../end-to-end/full/long-tests.js";

/** What one step may look at, in characters. */
const STEP = 65_536;
const LARGE = 300_000;
const LONG_LINE = 65_537;

const large: readonly (readonly [what: string, text: string])[] = [
  ["YAML", `a:\n${"  - password: hunter2 # note\n".repeat(LARGE / 29)}`],
  ["JSON on one line", JSON.stringify(Array(LARGE / 25).fill({ password: "hunter2" }))],
  ["JSON with a long text", JSON.stringify({ a: "password: hunter2\n".repeat(LARGE / 18) })],
  ["ini", "password = hunter2\n".repeat(LARGE / 19)],
  ["short lines", `password = hunter2\n${"\n".repeat(STEP)}`],
  ["XML", "<password>hunter2</password>\n".repeat(LARGE / 29)],
  ["comments", "# password: hunter2\n".repeat(LARGE / 20)],
  ["UTF-16", `password: hunter2 # \u00e4\n`.repeat(LARGE / 22)],
];

describe("redaction of a large file", () => {
  // Each takes half a second.
  test.for(isFull ? large : large.slice(0, 2))(
    "of %s is done in many small steps, which come to the same",
    async ([, text]) => {
      const steps = configRedaction().text(text);
      let count = 0;
      let next = steps.next();
      for (; next.done !== true; next = steps.next()) count += 1;
      expect(count).toBeGreaterThanOrEqual(Math.floor(text.length / STEP));
      expect(next.value).not.toContain("hunter2");
      expect(createConfigRedactor().text(text) === next.value).toBe(true);
    },
  );

  test("lets the event loop turn between them", async () => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const [, yaml = ""] = large[0] ?? [];
    const provide = effectiveConfig(() => yaml);
    await provide();
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(Math.floor(yaml.length / STEP));
  });

  test("hides a line as a whole if it is too long to be looked at in one step", () => {
    const { text } = createConfigRedactor();
    const long = "x ".repeat(LONG_LINE / 2 + 1);
    expect(text(`a: b: c\n${long}\nd = e\n`)).toBe("a: b: c\n[REDACTED]\nd = e\n");
    expect(JSON.parse(text(JSON.stringify({ a: long, b: 1 })))).toEqual({ a: "[REDACTED]", b: 1 });
  });
});

describe("what is too large", () => {
  const leftOut = (bytes: number, most: number, left?: number) => ({
    body: `left out: it has ${bytes} bytes, and maxBytes allows ${most} for all files together${left === undefined ? "" : `, of which ${left} are left`}\n`,
    contentType: "text/plain",
  });

  test("is named in its place and left out, while the rest is reported", async () => {
    const errors: OpAMPError[] = [];
    const files = { a: () => "a: 12\n", b: () => "b: \u00e4\u00e4\n", "": () => "c: 3\n", d: () => "4" };
    const provide = effectiveConfig({ files }, { maxBytes: 12, onError: (error) => errors.push(error) });
    expect(await provide()).toEqual({
      a: { body: "a: 12\n", contentType: "" },
      b: leftOut(8, 12, 6),
      "": { body: "c: 3\n", contentType: "text/yaml" },
      d: { body: "4", contentType: "" },
    });
    expect(errors).toMatchObject([
      { code: "ERR_OPAMP_HANDLER", message: expect.stringContaining('"b" is left out: it has 8 bytes') },
    ]);
    expect(errors[0]?.hint).toContain("maxBytes");
    expect(await provide.changed()).toBe(false);
  });

  test("is what has over 4 MiB unless said otherwise, with or without redaction", async () => {
    const text = "\u00e4".repeat(2_097_152);
    for (const redact of [false, {}] as const) {
      const [fits, not] = [text, `${text}.`].map((body) => effectiveConfig(() => body, { redact }));
      expect((await fits?.())?.[""]?.body).toHaveLength(redact === false ? text.length : "[REDACTED]".length);
      expect(await not?.()).toEqual({ "": leftOut(4_194_305, 4_194_304) });
    }
  });

  test("is reported once it fits, which counts as a change", async () => {
    let text = "a: 1\n";
    const provide = effectiveConfig(() => text, { maxBytes: 4 });
    await provide();
    text = "a: 11\n";
    expect(await provide.changed()).toBe(true);
    text = "a: 1";
    expect(await provide.changed()).toBe(true);
    expect(await provide()).toEqual({ "": { body: "a: 1", contentType: "text/yaml" } });
  });

  test.for([0, -1, 1.5, Number.NaN])("is refused as an option: %j", (maxBytes) => {
    const error = refusal(() => effectiveConfig(() => 1, { maxBytes }));
    expect(error.message).toBe("effectiveConfig.maxBytes: must be a whole number above 0");
  });
});
