import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { readSettings } from "../../../src/client/settings/settings.js";
import type { OpAMPClientOptions } from "../../../src/index.js";

const MINIMAL: OpAMPClientOptions = { url: "ws://host", description: { identifying: { "service.name": "agent" } } };

/** Each default, and how the documentation of its option words it. */
const DEFAULTS = {
  heartbeat: [{ intervalMs: 30_000, minMs: 1_000, maxMs: Infinity }, ["30 000", "1 000 and no upper bound"]],
  backoff: [{ minMs: 1_000, maxMs: 60_000 }, ["1 000 and 60 000"]],
  throttle: [{ minMs: 30_000, maxMs: 86_400_000 }, ["default 30 000", "default one day"]],
  connectMs: [30_000, ["Default 30 000."]],
  answerMs: [30_000, ["Default 30 000."]],
  applyMs: [300_000, ["Default 300 000."]],
  abortMs: [5_000, ["Default 5 000."]],
  effectiveConfigMs: [5_000, ["Default 5 000."]],
  closeMs: [1_000, ["Default 1 000."]],
  reconnectReport: ["full", ['`"full"`, the default:']],
  onForeignStore: ["stop", ['Default `"stop"`.']],
  proxy: ["env", ['Default `"env"`.']],
  compression: [false, ["Default false."]],
  maxRedirects: [5, ["Default 5."]],
  ping: [{ intervalMs: undefined }, ["Default: the heartbeat's interval, but 5 000 at least, 300 000 at most"]],
  maxMessageBytes: [{ send: 67_108_864, receive: 67_108_864 }, ["Default 67 108 864."]],
  customMessages: [{ max: 100, ttlMs: Infinity }, ["default 100", "default for ever"]],
  keepAlive: [false, ["Default false"]],
  requestInstanceUid: [false, ["Default false."]],
} as const;

/** The documentation of the options by name, as it stands in the source. */
function documented(): ReadonlyMap<string, string> {
  const file = new URL("../../../src/client/options.ts", import.meta.url);
  const source = ts.createSourceFile("options.ts", readFileSync(file, "utf8"), ts.ScriptTarget.ESNext, true);
  const docs = new Map<string, string>();
  for (const statement of source.statements) {
    if (!ts.isInterfaceDeclaration(statement)) continue;
    for (const member of statement.members) {
      const doc = ts.getJSDocCommentsAndTags(member).map((node) => node.getText().replace(/\s*\*\s+/g, " "));
      docs.set(member.name?.getText() ?? "", doc.join(" "));
    }
  }
  return docs;
}

describe("defaults", () => {
  const { timeouts, withheld, tls, redactor, connection, ...settings } = readSettings(MINIMAL);
  const docs = documented();

  test("are known for every setting", () => {
    expect(Object.keys({ ...settings, ...timeouts }).sort()).toEqual(Object.keys(DEFAULTS).sort());
    expect(withheld).toEqual(new Set());
    expect([tls, connection]).toEqual([undefined, undefined]);
    expect(redactor.text("token=abc")).toBe("token=[REDACTED]");
  });

  for (const [name, [value, words]] of Object.entries(DEFAULTS)) {
    test(`${name} has the documented default`, () => {
      expect({ ...settings, ...timeouts }).toHaveProperty(name, value);
      for (const word of words) expect(docs.get(name)).toContain(word);
    });
  }

  test("fill in for what is undefined, at every level", () => {
    const blank = { heartbeat: { intervalMs: undefined }, timeouts: { connectMs: undefined }, backoff: {} };
    const given = { ...MINIMAL, ...blank, throttle: undefined } as unknown as OpAMPClientOptions;
    expect(readSettings(given)).toEqual(readSettings(MINIMAL));
  });

  test("are overridden by given values one by one", () => {
    const given = readSettings({ ...MINIMAL, heartbeat: { intervalMs: 5 }, timeouts: { closeMs: 7 } });
    expect(given.heartbeat).toEqual({ intervalMs: 5, minMs: 1_000, maxMs: Infinity });
    expect(given.timeouts).toEqual({ ...timeouts, closeMs: 7 });
  });
});
