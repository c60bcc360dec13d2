import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type AgentRemoteConfig, AgentRemoteConfigSchema } from "../../src/gen/opamp/v1/opamp_pb.js";
import {
  type ConfigFiles,
  type RemoteConfig,
  toEffectiveConfig,
  toRemoteConfig,
} from "../../src/values/config-files.js";
import { decodeServerToAgent, encodeServerToAgent } from "../../src/wire/codec.js";
import { refusal } from "../client/refusal.js";
import { verifies } from "../conformance/verifies.js";

const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);

function offer(files: Record<string, { body?: Uint8Array; contentType?: string }>): AgentRemoteConfig {
  return create(AgentRemoteConfigSchema, { config: { configMap: files }, configHash: Uint8Array.of(1, 0, 255) });
}

function file(config: RemoteConfig, name = "") {
  const found = config.files[name];
  if (found === undefined) {
    throw new Error(`no file ${name}`);
  }
  return found;
}

describe("an offered configuration", () => {
  verifies("CFG-08", "an offer has its hash, and its files byte for byte with their types", () => {
    const config = toRemoteConfig(offer({ "a.yaml": { body: every, contentType: "text/yaml" } }));
    expect(config.hash).toEqual(Uint8Array.of(1, 0, 255));
    expect(config.isEmpty).toBe(false);
    expect(file(config, "a.yaml").body).toEqual(every);
    expect(file(config, "a.yaml").contentType).toBe("text/yaml");
  });

  verifies("CFG-07", "an offer may be one file without a name", () => {
    const config = toRemoteConfig(offer({ "": { body: Buffer.from("k") } }));
    expect(Object.keys(config.files)).toEqual([""]);
    expect(file(config).contentType).toBe("");
    expect(file(config).text()).toBe("k");
  });

  test("is empty without files or without a config", () => {
    expect(toRemoteConfig(offer({})).isEmpty).toBe(true);
    expect(toRemoteConfig(create(AgentRemoteConfigSchema, { configHash: Uint8Array.of(1) })).isEmpty).toBe(true);
  });

  test("keeps nothing of the bytes it was read from", () => {
    const bytes = encodeServerToAgent({ remoteConfig: offer({ a: { body: Buffer.from("body") } }) });
    const decoded = decodeServerToAgent(bytes);
    const read = decoded.ok ? decoded.message.remoteConfig : undefined;
    const config = toRemoteConfig(read ?? create(AgentRemoteConfigSchema));
    bytes.fill(0);
    expect(file(config, "a").text()).toBe("body");
    expect(config.hash).toEqual(Uint8Array.of(1, 0, 255));
    expect(file(config, "a").body.buffer.byteLength).toBe(4);
  });

  test("has its files in a record without a prototype, whatever their names", () => {
    const names = ["__proto__", "constructor", "../../etc/passwd"];
    const entries = names.map((name) => [name, { body: Buffer.from(name) }] as const);
    const { files } = toRemoteConfig(offer(Object.fromEntries(entries)));
    expect(Object.getPrototypeOf(files)).toBeNull();
    expect(Object.entries(files).map(([name, { body }]) => [name, Buffer.from(body).toString()])).toEqual(
      names.map((name) => [name, name]),
    );
    expect(files["toString"]).toBeUndefined();
  });

  test("reads text and JSON, with or without a byte order mark", () => {
    const config = toRemoteConfig(offer({ "": { body: Buffer.from('\ufeff{"a": ["ü"]}') } }));
    expect(file(config).text()).toBe('{"a": ["ü"]}');
    expect(file(config).json()).toEqual({ a: ["ü"] });
  });

  test("says which file is not text or not JSON", () => {
    const config = toRemoteConfig(offer({ "x.bin": { body: every }, "y.json": { body: Buffer.from("{") } }));
    const failures = [
      refusal(() => file(config, "x.bin").text()),
      refusal(() => file(config, "x.bin").json()),
      refusal(() => file(config, "y.json").json()),
    ];
    expect(failures.map(({ code }) => code)).toEqual(failures.map(() => "ERR_OPAMP_MALFORMED"));
    expect(failures[0]?.message).toMatch(/^config file "x.bin" is not UTF-8 text: /);
    expect(failures[1]?.message).toMatch(/^config file "x.bin" is not UTF-8 text: /);
    expect(failures[2]?.message).toMatch(/^config file "y.json" is not JSON: /);
    expect(failures[2]?.cause).toBeInstanceOf(SyntaxError);
    expect(failures.some(({ retryable }) => retryable)).toBe(false);
  });
});

describe("an effective configuration", () => {
  verifies("CFG-08", "an effective configuration takes text and bytes, and types if given", () => {
    const { configMap } = toEffectiveConfig({
      "a.yaml": { body: "ü", contentType: "text/yaml" },
      "b.bin": { body: every },
    });
    expect(configMap?.configMap["a.yaml"]).toMatchObject({ body: Uint8Array.of(0xc3, 0xbc), contentType: "text/yaml" });
    expect(configMap?.configMap["b.bin"]).toMatchObject({ body: every, contentType: "" });
  });

  verifies("CFG-07", "an effective configuration can be one file without a name, or nothing", () => {
    expect(Object.keys(toEffectiveConfig({ "": { body: "k" } }).configMap?.configMap ?? {})).toEqual([""]);
    expect(toEffectiveConfig({}).configMap?.configMap).toEqual({});
  });

  test("copies bytes, whatever kind of byte array they come as", () => {
    const body = Buffer.from("abc");
    const effective = toEffectiveConfig({ a: { body } }).configMap?.configMap["a"];
    body.fill(0);
    expect(effective?.body).toEqual(Uint8Array.of(97, 98, 99));
    expect(Object.getPrototypeOf(effective?.body)).toBe(Uint8Array.prototype);
  });

  test("can be the files of an offer as they came", () => {
    const offered = offer(Object.fromEntries([["__proto__", { body: every, contentType: "x/y" }]]));
    expect(toEffectiveConfig(toRemoteConfig(offered).files).configMap).toEqual(offered.config);
  });

  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /^effectiveConfig: must be a record of files such as .*, not undefined$/],
    [
      "a promise",
      Promise.resolve({}),
      /^effectiveConfig: must be a record of files such as .*, not a promise \(is an await missing\?\)$/,
    ],
    ["a Map", new Map(), /^effectiveConfig: must be a record of files such as .*, not Map$/],
    ["text for a file", { a: "text" }, /^effectiveConfig\["a"\]: must be a file such as .* not string$/],
    [
      "a file without a body",
      { a: {} },
      /^effectiveConfig\["a"\].body: must be a string or a Uint8Array, not undefined$/,
    ],
    ["an object for a body", { a: { body: { b: 1 } } }, /^effectiveConfig\["a"\].body: .* not object$/],
    [
      "a type that is not text",
      { a: { body: "", contentType: 1 } },
      /^effectiveConfig\["a"\].contentType: .* not number$/,
    ],
  ])("is refused by the path of what is wrong: %s", (_, files, message) => {
    const error = refusal(() => toEffectiveConfig(files as ConfigFiles));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message).toMatch(message);
  });
});
