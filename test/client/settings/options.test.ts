import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type CapabilityName, OpAMPClient, type OpAMPClientOptions } from "../../../src/index.js";
import { refusal } from "../refusal.js";

const MINIMAL = { url: "ws://127.0.0.1:1", description: { identifying: { "service.name": "agent" } } };
const TRANSPORT = { duplex: true, name: "own", open: () => {}, send: () => {}, ping: () => {}, close: () => {} };

/** Makes a client with options that TypeScript may not accept. */
function make(options: Readonly<Record<string, unknown>>): OpAMPClient {
  return new OpAMPClient({ ...MINIMAL, ...options } as OpAMPClientOptions);
}

/** Wrong options, the option that the error names first, and what it says about it. */
const WRONG: readonly [Readonly<Record<string, unknown>>, string, RegExp][] = [
  [{ url: undefined }, "url", /is missing.*wss:/],
  [{ url: 42 }, "url", /"42" is not a server URL/],
  [{ url: "host:4320" }, "url", /"host:4320" is not a server URL/],
  [{ url: null }, "url", /is not a server URL/],
  [{ transport: "ws" }, "transport", /must be an object with open, send, ping, close, not string/],
  [{ transport: { ...TRANSPORT, send: undefined } }, "transport.send", /must be a function, not undefined/],
  [{ transport: { ...TRANSPORT, duplex: undefined } }, "transport.duplex", /must be true or false, not undefined/],
  [{ transport: { ...TRANSPORT, duplex: "yes" } }, "transport.duplex", /must be true or false, not string/],
  [{ headers: "authorization: x" }, "headers", /must be a record or a function, not string/],
  [{ headers: ["x"] }, "headers[0]", /must be a record or a function, not string/],
  [{ headers: null }, "headers", /must be a record or a function, not null/],
  [{ headers: new Headers({ a: "b" }) }, "headers", /must be a record or a function, not Headers/],
  [{ headers: new Map([["a", "b"]]) }, "headers", /must be a record or a function, not Map/],
  [{ headers: { "x secret": "secret" } }, 'headers["x..."]', /cannot be sent as it is/],
  [{ headers: { a: "secret\r\nb: c" } }, 'headers["a"]', /cannot be sent as it is/],
  [{ headers: { a: 4242 } }, 'headers["a"]', /cannot be sent as it is/],
  [{ headers: { Connection: "close" } }, 'headers["Connection"]', /cannot be sent as it is/],
  [{ description: undefined }, "description", /is missing.*service\.name/],
  [{ description: "agent" }, "description", /must be an object such as \{ identifying \}, not string/],
  [{ description: {} }, "description.identifying", /must be a record of attributes, not undefined/],
  [{ description: { identifying: {} } }, "description.identifying", /at least one attribute, such as service\.name/],
  [{ description: { identifying: { a: null } } }, 'description.identifying["a"]', /must be a string, .*not null/],
  [{ health: "good" }, "health", /must be an object/],
  [{ health: { healthy: "yes" } }, "health.healthy", /must be (true or false|a boolean)/],
  [{ instanceUid: "" }, "instanceUid", /neither a UUID nor a ULID/],
  [{ instanceUid: "agent-1" }, "instanceUid", /neither a UUID nor a ULID/],
  [{ instanceUid: new Uint8Array(15) }, "instanceUid", /15 bytes, not 16/],
  [{ instanceUid: null }, "instanceUid", /must be a UUID, a ULID or 16 bytes, not null/],
  [{ instanceUid: 16 }, "instanceUid", /must be a UUID, a ULID or 16 bytes, not number/],
  [{ instanceUid: new Array(16).fill(0) }, "instanceUid", /must be a UUID, a ULID or 16 bytes, not Array/],
  [{ requestInstanceUid: 1 }, "requestInstanceUid", /must be true or false, not number/],
  [{ store: "/var/lib" }, "store", /must be an object with load, save, not string/],
  [{ store: { load: () => undefined } }, "store.save", /must be a function, not undefined/],
  [
    { store: { load: () => undefined, save: () => undefined, close: true } },
    "store.close",
    /must be a function, not boolean/,
  ],
  [{ heartbeat: 30_000 }, "heartbeat", /must be an object, not number/],
  [
    { heartbeat: { interval: 1 } },
    "heartbeat.interval",
    /is not an option\. Did you mean intervalMs\? \(known are intervalMs, minMs, maxMs/,
  ],
  [{ heartbeat: { intervalMs: 0 } }, "heartbeat.intervalMs", /must be milliseconds above 0, not 0/],
  [{ heartbeat: { intervalMs: "30s" } }, "heartbeat.intervalMs", /must be milliseconds above 0, not string/],
  [{ heartbeat: { intervalMs: Number.NaN } }, "heartbeat.intervalMs", /must be milliseconds above 0, not NaN/],
  [{ heartbeat: { minMs: 10, maxMs: 5 } }, "heartbeat", /minMs \(10\) is above maxMs \(5\)/],
  [{ backoff: null }, "backoff", /must be an object, not null/],
  [{ backoff: { minMs: -1 } }, "backoff.minMs", /must be milliseconds above 0, not -1/],
  [{ backoff: { minMs: 70_000 } }, "backoff", /minMs \(70000\) is above maxMs \(60000\)/],
  [{ backoff: { minMs: Infinity, maxMs: Infinity } }, "backoff.minMs", /must be finite/],
  [{ backoff: { factor: 2 } }, "backoff.factor", /is not an option; known are minMs, maxMs/],
  [{ throttle: { minMs: 0 } }, "throttle.minMs", /must be milliseconds above 0, not 0/],
  [{ throttle: { minMs: Infinity } }, "throttle.minMs", /must be finite/],
  [{ throttle: { floorMs: 1 } }, "throttle.floorMs", /is not an option; known are minMs, maxMs/],
  [{ timeouts: 5 }, "timeouts", /must be an object, not number/],
  [{ timeouts: { headersMs: 5 } }, "timeouts.headersMs", /is not an option; known are connectMs, answerMs, /],
  [{ timeouts: { bodyMs: 5 } }, "timeouts.bodyMs", /is not an option\. .*known are connectMs, answerMs, /],
  [
    { timeouts: { connect: 5 } },
    "timeouts.connect",
    /\. Did you mean connectMs\? \(known are connectMs, .*answerMs, .*closeMs/,
  ],
  [{ timeouts: { closeMs: 0 } }, "timeouts.closeMs", /must be milliseconds above 0, not 0/],
  [{ reconnectReport: "everything" }, "reconnectReport", /must be one of "full", "changed"/],
  [{ onForeignStore: "continue" }, "onForeignStore", /must be one of "stop", "newIdentity"/],
  [{ customMessages: 5 }, "customMessages", /must be given an object, not number/],
  [{ customMessages: { ttlMs: -1 } }, "customMessages.ttlMs", /must be milliseconds above 0, not -1/],
  [
    { customMessages: { ttl: 1 } },
    "customMessages.ttl",
    /is not an option\. Did you mean ttlMs\? \(known are max, ttlMs/,
  ],
  [{ reconnectReport: true }, "reconnectReport", /must be one of "full", "changed"/],
  [{ maxMessageBytes: 0 }, "maxMessageBytes", /must be a whole number above 0/],
  [{ maxMessageBytes: 1.5 }, "maxMessageBytes", /must be a whole number above 0/],
  [{ maxMessageBytes: "64 MiB" }, "maxMessageBytes", /must be a whole number above 0/],
  [{ customMessages: { max: Infinity } }, "customMessages.max", /must be a whole number above 0/],
  [{ keepAlive: "no" }, "keepAlive", /must be true or false, not string/],
  [{ logger: () => {} }, "logger", /must be an object with debug, info, warn, error, not function/],
  [{ logger: { debug() {}, info() {}, warn() {} } }, "logger.error", /must be a function, not undefined/],
  [{ clock: Date }, "clock", /must be an object with now, wallNow, after, soon, not function/],
  [{ clock: { now: () => 0 } }, "clock.wallNow", /must be a function, not undefined/],
  [{ random: 4 }, "random", /must be a function, not number/],
  [{ effectiveConfig: { a: { body: "" } } }, "effectiveConfig", /must be a function, not object/],
  [{ restart: "yes" }, "restart", /must be a function, not string/],
  [{ remoteConfig: async () => {} }, "remoteConfig", /must be an object with apply, not function/],
  [{ remoteConfig: {} }, "remoteConfig.apply", /must be a function, not undefined/],
  [{ remoteConfig: { apply() {}, validate: "x" } }, "remoteConfig.validate", /must be a function, not string/],
  [{ withhold: { reportsHealth: true } }, "withhold", /must be a list of names, not object/],
  [
    { withhold: ["reportHealth"] },
    "withhold[0]",
    /must be the name of a capability, not "reportHealth"\. Did you mean reportsHealth\?$/,
  ],
  [{ withhold: ["reportsHealth", 1] }, "withhold[1]", /must be the name of a capability, not number/],
  [{ withhold: ["reportsStatus"] }, "withhold[0]", /cannot be withheld/],
  [{ capabilities: { reportsHealth: false } }, "capabilities", /is not an option/],
  [{ uri: "ws://127.0.0.1" }, "uri", /is not an option\. Did you mean url\?$/],
  [{ endpoint: undefined }, "endpoint", /is not an option\. Did you mean url\?/],
];

describe("a wrong option is refused when the client is made, with its name and what is expected", () => {
  for (const [options, name, problem] of WRONG) {
    test(`${name} in ${inspect(options, { breakLength: Infinity })}`, () => {
      const error = refusal(() => make(options));
      expect(error.code).toBe(name.startsWith("instanceUid") ? "ERR_OPAMP_INSTANCE_UID" : "ERR_OPAMP_OPTION");
      expect(error.message.slice(0, name.length + 1)).toBe(`${name}:`);
      expect(error.message).toMatch(problem);
      expect(`${error.message} ${error.hint} ${error.cause}`).not.toMatch(/secret|4242/);
      expect(error.retryable).toBe(false);
    });
  }

  for (const options of [undefined, null, "ws://127.0.0.1", 42, []]) {
    test(`${inspect(options)} for all options`, () => {
      const error = refusal(() => new OpAMPClient(options as unknown as OpAMPClientOptions));
      expect(error).toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(/^options: must be/) });
    });
  }
});

describe("a valid option", () => {
  const everything: OpAMPClientOptions = {
    url: new URL("wss://user:secret@127.0.0.1:1/path?query"),
    headers: { "X-Tenant": "a" },
    description: { identifying: { "service.name": "agent" }, nonIdentifying: { "os.type": "linux" } },
    health: { healthy: true },
    instanceUid: "0199a7f0-0000-7000-8000-000000000001",
    requestInstanceUid: true,
    store: { load: () => undefined, save: () => undefined },
    withhold: ["reportsHealth", "acceptsPackages"],
    heartbeat: { intervalMs: 1, minMs: 1, maxMs: Infinity },
    backoff: { minMs: 1, maxMs: 1 },
    throttle: { minMs: 1, maxMs: Infinity },
    timeouts: {
      connectMs: 1,
      answerMs: 1,
      applyMs: Infinity,
      abortMs: 1,
      effectiveConfigMs: 1,
      closeMs: 1,
    },
    reconnectReport: "full",
    onForeignStore: "newIdentity",
    tls: { ca: "/etc/ca.pem", minVersion: "1.3", insecureSkipVerify: false },
    proxy: { url: "http://proxy:8080", headers: { "X-Proxy": "a" } },
    compression: true,
    maxRedirects: 0,
    ping: { intervalMs: 1 },
    maxMessageBytes: 1_000,
    customMessages: { max: 1, ttlMs: 1 },
    keepAlive: true,
    logger: console,
    clock: { now: () => 0, wallNow: () => 0, after: () => () => {}, soon: () => {} },
    random: () => 0,
    effectiveConfig: () => ({}),
    remoteConfig: { apply: () => undefined },
    restart: () => undefined,
  };

  test("can be combined with every other", () => {
    const client = new OpAMPClient(everything);
    expect([client.phase, client.instanceUid]).toEqual(["idle", everything.instanceUid]);
  });

  for (const [name, value] of Object.entries(everything)) {
    test(`can be given alone, and can be undefined: ${name}`, () => {
      expect(make({ [name]: value }).phase).toBe("idle");
      const isRequired = name === "url" || name === "description";
      if (!isRequired) expect(make({ [name]: undefined }).phase).toBe("idle");
    });
  }

  test("may be a custom transport of any class, without a url", () => {
    class Own {
      readonly duplex = false;
      readonly name = "own";
      open(): void {}
      send(): void {}
      ping(): void {}
      close(): void {}
    }
    expect(make({ url: undefined, transport: new Own() }).phase).toBe("idle");
  });
});

describe("capabilities", () => {
  const handlers = {
    effectiveConfig: () => ({}),
    remoteConfig: { apply: () => undefined },
    restart: () => undefined,
    health: { healthy: true },
  };
  const MASKS = {
    reportsEffectiveConfig: 0x4n,
    acceptsRemoteConfig: 0x2n,
    reportsRemoteConfig: 0x1000n,
    acceptsRestartCommand: 0x400n,
    reportsHealth: 0x800n,
    reportsHeartbeat: 0x2000n,
  } as const;

  test("follow from what is supplied", () => {
    expect(make({}).capabilityMask).toBe(0x2001n);
    expect(make(handlers).capabilityMask).toBe(0x3c07n);
  });

  for (const [name, bit] of Object.entries(MASKS) as [CapabilityName, bigint][]) {
    test(`do not have ${name} when it is withheld`, () => {
      const { capabilities, capabilityMask } = make({ ...handlers, withhold: [name] });
      expect(capabilityMask).toBe(0x3c07n & ~bit);
      expect(capabilities).toEqual(new Set(["reportsStatus", ...Object.keys(MASKS).filter((other) => other !== name)]));
    });
  }

  test("that are withheld stay so when the handler comes later", () => {
    const client = make({ withhold: ["acceptsRestartCommand"] });
    client.setHandlers({ restart: () => undefined, effectiveConfig: () => ({}) });
    expect(client.capabilityMask).toBe(0x2005n);
  });
});
