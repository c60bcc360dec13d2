import { expect, test } from "vitest";
import { effectiveConfig } from "../../../src/extension/effective-config/effective-config.js";
import { createRedactor } from "../../../src/index.js";

const redactor = createRedactor();

test("a change of the effective config is detected much faster than secrets are redacted", async () => {
  const text = `a:\n${"  - key: value\n".repeat(100_000)}`;
  const provide = effectiveConfig(() => text);
  const began = performance.now();
  await provide();
  const reported = performance.now();
  expect(await provide.changed()).toBe(false);
  expect(performance.now() - reported).toBeLessThan((reported - began) / 3);
});

test("a text is redacted in little time however long it is", () => {
  const length = 100_000;
  for (const piece of [
    "a",
    "a.",
    "=",
    '"',
    "\\",
    "'",
    " ",
    "://",
    "@",
    "a:",
    "http://a:",
    "a://b@",
    "?",
    "&a=",
    "-",
    "eyJ",
  ]) {
    const text = piece.repeat(length / piece.length);
    const began = process.cpuUsage();
    redactor.text(text);
    redactor.text(`password=${text}`);
    redactor.text(`"token" ${text}`);
    expect(process.cpuUsage(began).user / 1_000, JSON.stringify(piece)).toBeLessThan(500);
  }
  for (const begin of [
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "bearer ",
    "token=[",
    "authorization: ",
    "eyJa.",
  ]) {
    const began = process.cpuUsage();
    redactor.text(begin.repeat(length / begin.length));
    expect(process.cpuUsage(began).user / 1_000, begin).toBeLessThan(500);
  }
});
