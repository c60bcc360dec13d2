import { describe, expect, test } from "vitest";
import { effectiveConfig } from "../../../src/extension/effective-config/effective-config.js";
import { createConfigRedactor } from "../../../src/extension/redact/config-redactor.js";

const redactor = createConfigRedactor();

const TEXT =
  "# Zugänge für München €\nexporters:\n  otlp:\n    headers:\n      api-key: hunter-one\npassword: hunter-two\n";
const ASCII = TEXT.replaceAll(/[^\n -~]/g, "x");

function utf32(text: string, littleEndian: boolean): Buffer {
  const bytes = Buffer.alloc(4 * [...text].length);
  [...text].forEach((character, index) => {
    const point = character.codePointAt(0) ?? 0;
    if (littleEndian) bytes.writeUInt32LE(point, 4 * index);
    else bytes.writeUInt32BE(point, 4 * index);
  });
  return bytes;
}

const utf16le = (text: string): Buffer => Buffer.from(text, "utf16le");
const utf16be = (text: string): Buffer => utf16le(text).swap16();
const windows1252 = Buffer.from(TEXT.replace("€", "\u0080"), "latin1");

const readable: readonly (readonly [encoding: string, bytes: Uint8Array, text?: string])[] = [
  ["UTF-8", Buffer.from(TEXT)],
  ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${TEXT}`), `\ufeff${TEXT}`],
  ["Windows-1252", windows1252],
  [
    "Windows-1252, after a byte that is UTF-8's mark",
    Buffer.concat([Buffer.from("# ï»¿\n", "latin1"), windows1252]),
    `# ï»¿\n${TEXT}`,
  ],
  ["UTF-16 LE with a byte order mark", utf16le(`\ufeff${TEXT}`)],
  ["UTF-16 BE with a byte order mark", utf16be(`\ufeff${TEXT}`)],
  ["UTF-16 LE without one", utf16le(TEXT)],
  ["UTF-16 BE without one", utf16be(TEXT)],
  [
    "UTF-16 LE without one, with words that are not Latin",
    utf16le(`# 設定ファイル\n${TEXT}`),
    `# 設定ファイル\n${TEXT}`,
  ],
  ["UTF-16 of ASCII alone", utf16le(ASCII), ASCII],
  ["UTF-32 LE with a byte order mark", utf32(`\ufeff${TEXT}`, true)],
  ["UTF-32 BE with a byte order mark", utf32(`\ufeff${TEXT}`, false)],
  ["UTF-32 with characters of any plane", utf32(`\ufeff# \u{1f511}\n${TEXT}`, true), `# \u{1f511}\n${TEXT}`],
  ["a part of a larger buffer", utf16be(`..\ufeff${TEXT}`).subarray(4)],
];

const unreadable: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ["a program", Buffer.from("\u007fELF\u0002\u0001\0\0\0 password: hunter-two\n\0\0", "latin1")],
  ["text with a NUL in it", Buffer.from(`${TEXT}\0`)],
  ["Windows-1252 with a NUL in it", Buffer.concat([windows1252, Buffer.alloc(1)])],
  ["Windows-1252 with control characters", Buffer.concat([windows1252, Buffer.of(0x1b)])],
  ["UTF-16 that was cut off", utf16le(`\ufeff${TEXT}`).subarray(0, -1)],
  ["UTF-16 with half a pair", utf16le(`\ufeff${TEXT}\ud800`)],
  ["UTF-16 with a NUL in it", utf16le(`\ufeff${TEXT}\0`)],
  ["UTF-32 that was cut off", utf32(`\ufeff${TEXT}`, true).subarray(0, -2)],
  ["UTF-32 without a byte order mark", utf32(TEXT, true)],
  ["numbers that are not characters", Buffer.concat([utf32(`\ufeff${TEXT}`, true), Buffer.alloc(4, 0xff)])],
  [
    "ASCII to which UTF-16 was appended",
    Buffer.concat([Buffer.from("password: hunter-two\n\n"), utf16le(TEXT.repeat(9))]),
  ],
  ["the same at an odd place", Buffer.concat([Buffer.from("password: hunter-two\n"), utf16le(TEXT.repeat(9))])],
  [
    "UTF-16 to which ASCII was appended",
    Buffer.concat([utf16le(`\ufeff${ASCII}`), Buffer.from("password: hunter-two\n\n")]),
  ],
  ["the same in the other order", Buffer.concat([utf16be(`\ufeff${ASCII}`), Buffer.from("password: hunter-two\n\n")])],
];

/** What stands in bytes, however they are read. */
function readingsOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  return buffer.toString("latin1").replaceAll("\0", "") + buffer.toString("utf16le") + buffer.toString("utf8");
}

describe("a configuration in", () => {
  test.for(readable)("%s is redacted and becomes UTF-8", ([, bytes, text = TEXT]) => {
    const shown = new TextDecoder("utf-8", { ignoreBOM: true }).decode(redactor.bytes(bytes));
    expect(shown).toBe(text.replaceAll(/hunter-\w+/g, "'[REDACTED]'"));
  });
});

describe("what is not text in one encoding:", () => {
  test.for(unreadable)("%s is not shown, and its place says so", async ([, bytes]) => {
    expect(Buffer.from(redactor.bytes(bytes)).toString()).toBe("[REDACTED]");
    const errors: string[] = [];
    const onError = ({ message }: Error): void => void errors.push(message);
    const files = await effectiveConfig({ name: "a.yaml", read: () => bytes }, { onError })();
    expect(files).toEqual({
      "a.yaml": { body: expect.stringMatching(/^left out: it is not text/), contentType: "text/plain" },
    });
    expect(errors).toEqual([expect.stringMatching(/^the effective config "a\.yaml" is left out: it is not text/)]);
  });

  test("a program is reported as it is where nothing is redacted", async () => {
    const bytes = Uint8Array.of(0, 1, 2);
    expect(await effectiveConfig(() => bytes, { redact: false })()).toMatchObject({ "": { body: bytes } });
  });
});

test("bytes of any kind show no secret that stands in them in ASCII", () => {
  for (let length = 0; length < 64; length += 1) {
    for (const fill of [0, 1, 0x41, 0x80, 0xd8, 0xff]) {
      const bytes = Buffer.concat([Buffer.alloc(length, fill), Buffer.from("\npassword: hunter-two\n")]);
      for (const given of [
        bytes,
        Buffer.concat([Buffer.of(0xff, 0xfe), bytes]),
        Buffer.concat([bytes, utf16le(ASCII)]),
      ]) {
        expect(readingsOf(redactor.bytes(given))).not.toMatch(/hunter-two/);
      }
    }
  }
});
