import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { naturalOrder } from "../../src/extension/effective-config/config-text.js";
import { effectiveConfig } from "../../src/extension/effective-config/effective-config.js";
import type { OpAMPError } from "../../src/index.js";
import { refusal } from "../client/refusal.js";

const CONFIG = {
  receivers: { otlp: { protocols: { grpc: null } } },
  exporters: { "otlp/10": { endpoint: "h:4317", headers: { "x-a": "hunter2" } }, "otlp/2": { enabled: "yes" } },
  a: [1, { z: true, b: "two\nlines\n" }],
};

describe("an effective config", () => {
  test("of an object is one entry of sorted YAML without secrets, as the Collector's is", async () => {
    const files = await effectiveConfig(() => CONFIG)();
    const body = [
      "a:",
      "    - 1",
      "    - b: |",
      "          two",
      "          lines",
      "      z: true",
      "exporters:",
      "    otlp/2:",
      '        enabled: "yes"',
      "    otlp/10:",
      "        endpoint: h:4317",
      "        headers:",
      "            x-a: '[REDACTED]'",
      "receivers:",
      "    otlp:",
      "        protocols:",
      "            grpc: null",
      "",
    ].join("\n");
    expect(files).toEqual({ "": { body, contentType: "text/yaml" } });
  });

  test("can be JSON, asynchronous, named, and with its secrets", async () => {
    const more = { big: 5n, map: new Map([["a", new Set([1])]]) };
    const source = { read: async () => ({ ...CONFIG, ...more }), format: "json", name: "agent" } as const;
    const files = await effectiveConfig(source, { redact: false })();
    expect(files["agent"]?.contentType).toBe("application/json");
    expect(JSON.parse(String(files["agent"]?.body))).toEqual({ ...CONFIG, big: "5", map: { a: [1] } });
  });

  test("of text or bytes stays as it is, but for secrets", async () => {
    const text = "# mine\nb: 1\na:   {token: abc}\n";
    expect(
      await effectiveConfig({ read: () => text, contentType: "text/x" }, { redact: { allow: ["token"] } })(),
    ).toEqual({
      "": { body: text, contentType: "text/x" },
    });
    const bytes = await effectiveConfig(() => new TextEncoder().encode(text))();
    expect(new TextDecoder().decode(Buffer.from(bytes[""]?.body ?? ""))).toBe(
      "# mine\nb: 1\na:   {token: '[REDACTED]'}\n",
    );
  });

  test("may be of several files, each written by its name", async () => {
    const files = await effectiveConfig({
      files: {
        "a.json": () => ({ b: 1 }),
        "b.yml": () => ({ b: 1 }),
        "c.ini": { read: () => "password = abc\n" },
        "d.txt": { read: () => [1], format: "yaml" },
      },
    })();
    expect(files).toEqual({
      "a.json": { body: '{\n  "b": 1\n}\n', contentType: "application/json" },
      "b.yml": { body: "b: 1\n", contentType: "text/yaml" },
      "c.ini": { body: "password = [REDACTED]\n", contentType: "" },
      "d.txt": { body: "- 1\n", contentType: "text/yaml" },
    });
  });

  test("can have files that change over time", async () => {
    let names = ["a"];
    const provide = effectiveConfig({
      files: async () => Object.fromEntries(names.map((name) => [name, () => `${name}: 1\n`])),
    });
    expect(Object.keys(await provide())).toEqual(["a"]);
    names = ["b", "__proto__"];
    expect(Object.keys(await provide())).toEqual(["b", "__proto__"]);
  });

  test("can include the raw config, with secrets hidden but not references", async () => {
    const raw = `token: \${env:T}\npassword: abc # mine\n`;
    expect(await effectiveConfig({ read: () => ({ token: "t" }), raw: async () => raw })()).toEqual({
      "": { body: "token: '[REDACTED]'\n", contentType: "text/yaml" },
      raw: { body: raw.replace("abc", "'[REDACTED]'"), contentType: "text/yaml" },
    });
  });

  test("is reported without the raw config if that cannot be read", async () => {
    const errors: OpAMPError[] = [];
    const cause = new Error("EACCES");
    const raw = (): never => {
      throw cause;
    };
    const provide = effectiveConfig({ read: () => ({}), raw }, { onError: (error) => errors.push(error) });
    expect(Object.keys(await provide())).toEqual([""]);
    expect(errors).toMatchObject([{ code: "ERR_OPAMP_HANDLER", cause: { cause } }]);
    expect(errors[0]?.message).toContain("the raw config is left out");
    expect(errors[0]?.message).toContain("EACCES");
  });
});

describe("a change", () => {
  test("is detected against what was reported last, not against the last check", async () => {
    let config: Record<string, unknown> = { a: 1, b: 2 };
    const provide = effectiveConfig(() => config);
    expect(await provide.changed()).toBe(true);
    await provide();
    expect(await provide.changed()).toBe(false);
    config = { b: 2, a: 1 };
    expect(await provide.changed()).toBe(false);
    config = { a: 1, b: 3 };
    expect(await provide.changed()).toBe(true);
    expect(await provide.changed()).toBe(true);
    await provide();
    expect(await provide.changed()).toBe(false);
  });

  test("of a secret is not detected, but one of names and types is", async () => {
    let token = "abc";
    const provide = effectiveConfig(() => ({ token }));
    await provide();
    token = "def";
    expect(await provide.changed()).toBe(false);
    let files: Record<string, () => string> = { ab: () => "c" };
    const many = effectiveConfig({ files: () => files });
    await many();
    files = { a: () => "bc" };
    expect(await many.changed()).toBe(true);
  });
});

describe("a mistake is reported:", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  for (const [what, source, text] of [
    ["a reader that fails", () => Promise.reject(new Error("EIO")), "the effective config could not be read: EIO"],
    ["no value", () => undefined, "the effective config gave undefined"],
    ["a circular object as YAML", () => circular, "the effective config gave what cannot be written as yaml"],
    ["a circular object as JSON", { read: () => circular, format: "json" }, "cannot be written as json"],
    ["a wrong one of several", { files: { "a.yaml": () => 5 } }, 'the effective config "a.yaml" gave number'],
  ] as const) {
    test(what, async () => {
      await expect(effectiveConfig(source)()).rejects.toMatchObject({
        code: "ERR_OPAMP_HANDLER",
        message: expect.stringContaining(text),
      });
    });
  }

  for (const [what, call, text] of [
    // @ts-expect-error no source
    ["no source", () => effectiveConfig(), "effectiveConfig: must be a function or an object"],
    // @ts-expect-error no reader
    ["no reader", () => effectiveConfig({}), "effectiveConfig.read: must be a function"],
    // @ts-expect-error no such format
    ["another format", () => effectiveConfig({ read: () => 1, format: "xml" }), 'must be one of "yaml", "json"'],
    ["an unknown key", () => effectiveConfig(Object.assign({ read: () => 1 }, { nam: "" })), "nam: is not an option"],
    // @ts-expect-error no such file
    ["a wrong file", () => effectiveConfig({ files: { a: 1 } }), 'effectiveConfig["a"]: must be a function'],
    ["two called raw", () => effectiveConfig({ read: () => 1, raw: () => "", name: "raw" }), "effectiveConfig.name"],
    // @ts-expect-error no such list
    ["wrong lists", () => effectiveConfig(() => 1, { redact: { allow: 1 } }), "redact.allow: must be a list"],
    // @ts-expect-error no function
    ["wrong onError", () => effectiveConfig(() => 1, { onError: 1 }), "effectiveConfig.onError: must be a function"],
    // @ts-expect-error no type
    ["a wrong type", () => effectiveConfig({ read: () => 1, contentType: 1 }), "contentType: must be a string"],
  ] as const) {
    test(what, () => {
      const error = refusal(call);
      expect(error.code).toBe("ERR_OPAMP_OPTION");
      expect(error.message).toContain(text);
    });
  }
});

test("keys are sorted as in the Collector", () => {
  const written =
    ",_x,1,2,10,B,a,a-b,a.b,a/b,a_b,a1,a1x,a1_,a2,a02,a10,aB,ab,b,otlp,otlp/2,otlp/10,otlp/a,otlp2,x1,x1y,x01,x01y,x001";
  const keys = written.split(",");
  expect(keys.toSorted().toSorted(naturalOrder)).toEqual(keys);
  expect(keys.toReversed().toSorted(naturalOrder)).toEqual(keys);
});

test("an object of any depth and kind reads back as it was", async () => {
  const config = {
    s: "2001-01-01",
    o: "0o7",
    n: "null",
    t: "on",
    d: 1.5,
    e: {},
    l: [[], [[1]]],
    u: undefined,
    k: "# x",
  };
  const { u: _, ...rest } = config;
  expect(parse(String((await effectiveConfig(() => config)())[""]?.body))).toEqual(rest);
});
