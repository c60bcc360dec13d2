import { describe, expect, test } from "vitest";
import { readSettings } from "../../../src/client/settings/settings.js";
import { fromEnv, readEnv } from "../../../src/extension/env/from-env.js";
import { memoryStore } from "../../../src/store/memory-store.js";
import { resolveHeaders } from "../../../src/transport/settings/headers.js";
import { fileForTest } from "../../cli/files.js";
import { refusal } from "../../client/refusal.js";
import { SECRET } from "../reading.js";

const ENDPOINT = { OTEL_OPAMP_ENDPOINT: "wss://opamp.example.com/v1/opamp" };

function read(env: Record<string, string>) {
  const { options, stateDirectory } = readEnv({ env: { ...ENDPOINT, ...env } });
  readSettings(options);
  return { ...options, stateDirectory };
}

test("the endpoint alone is enough", () => {
  const { options, stateDirectory } = readEnv({ env: ENDPOINT });
  expect(options).toEqual({
    url: "wss://opamp.example.com/v1/opamp",
    description: { identifying: { "service.name": "unknown_service:node" }, nonIdentifying: {} },
  });
  expect(stateDirectory).toBeUndefined();
});

test("each variable becomes its option", () => {
  const found = read({
    OTEL_OPAMP_HEARTBEAT_INTERVAL: "1m",
    OTEL_OPAMP_CERTIFICATE: "/ca.pem",
    OTEL_OPAMP_CLIENT_CERTIFICATE: "/c.pem",
    OTEL_OPAMP_CLIENT_KEY: "/k.pem",
    OTEL_OPAMP_INSECURE_SKIP_VERIFY: "TRUE",
    OTEL_OPAMP_SERVER_NAME: "other",
    OTEL_OPAMP_INSTANCE_UID: "01890a5d-ac96-774b-bcce-b302099a8057",
    OTEL_OPAMP_STATE_DIRECTORY: "/var/lib/agent",
    OTEL_OPAMP_COMPRESSION: "gzip",
    OTEL_OPAMP_TRANSPORT: "auto",
  });
  expect(found).toMatchObject({
    heartbeat: { intervalMs: 60_000 },
    tls: { ca: "/ca.pem", cert: "/c.pem", key: "/k.pem", insecureSkipVerify: true, serverName: "other" },
    instanceUid: "01890a5d-ac96-774b-bcce-b302099a8057",
    stateDirectory: "/var/lib/agent",
    compression: true,
    transport: "auto",
  });
});

test("headers are read at each attempt, and a token comes from its file", async () => {
  const env: Record<string, string> = {
    ...ENDPOINT,
    OTEL_OPAMP_HEADERS: "X-Tenant=a%2Cb",
    OTEL_OPAMP_TOKEN_FILE: fileForTest("t\n"),
  };
  const { options } = readEnv({ env });
  expect(await resolveHeaders(options.headers, undefined)).toEqual({ "x-tenant": "a,b", authorization: "Bearer t" });
  env["OTEL_OPAMP_HEADERS"] = "X-Tenant=c";
  expect(await resolveHeaders(options.headers, undefined)).toEqual({ "x-tenant": "c", authorization: "Bearer t" });
});

describe("a heartbeat interval is a duration, or milliseconds", () => {
  test.each([
    ["30s", 30_000],
    ["1500", 1_500],
    ["0.5s", 500],
  ])("%s", (text, intervalMs) => {
    expect(read({ OTEL_OPAMP_HEARTBEAT_INTERVAL: text }).heartbeat).toEqual({ intervalMs });
  });
});

describe("the description", () => {
  test("is made of OpenTelemetry's own variables", () => {
    const { description } = read({
      OTEL_SERVICE_NAME: "checkout",
      OTEL_RESOURCE_ATTRIBUTES:
        "service.name=other,service.version=1.2%2C3,service.namespace=shop,service.instance.id=i,host.name=h,team=a b",
    });
    expect(description).toEqual({
      identifying: {
        "service.name": "checkout",
        "service.version": "1.2,3",
        "service.namespace": "shop",
        "service.instance.id": "i",
      },
      nonIdentifying: { "host.name": "h", team: "a b" },
    });
  });

  test("takes the name from the attributes when it is nowhere else", () => {
    const { description } = read({ OTEL_SERVICE_NAME: " ", OTEL_RESOURCE_ATTRIBUTES: "service.name=a" });
    expect(description.identifying).toEqual({ "service.name": "a" });
  });
});

test("a variable that is empty is not set", () => {
  const names = [
    "HEADERS",
    "HEARTBEAT_INTERVAL",
    "CERTIFICATE",
    "CLIENT_KEY",
    "TRANSPORT",
    "COMPRESSION",
    "TOKEN_FILE",
  ];
  const env = Object.fromEntries(names.map((name) => [`OTEL_OPAMP_${name}`, " "]));
  expect(read(env)).toEqual(read({}));
});

test("a state directory becomes a store by whoever can make one", () => {
  const env = { ...ENDPOINT, OTEL_OPAMP_STATE_DIRECTORY: "/d" };
  const store = memoryStore();
  const places: string[] = [];
  const storeAt = (directory: string) => {
    places.push(directory);
    return store;
  };
  expect(fromEnv({ env, storeAt }).store).toBe(store);
  expect(places).toEqual(["/d"]);
  expect(fromEnv({ env: ENDPOINT, storeAt })).toEqual(readEnv({ env: ENDPOINT }).options);
});

test("another prefix may be asked for", () => {
  expect(readEnv({ prefix: "MY", env: { MY_ENDPOINT: "ws://h" } }).options.url).toBe("ws://h");
});

describe("what is wrong is named by its variable, without its value", () => {
  test.each([
    ["HEADERS", SECRET, /pair 1 is not written as name=value/],
    ["HEADERS", `a=b,c=%0a${SECRET}`, /pair 2 cannot be sent as a header/],
    ["INSTANCE_UID", SECRET, /is no instance uid/],
    ["HEARTBEAT_INTERVAL", SECRET, /must be a duration above 0/],
    ["HEARTBEAT_INTERVAL", "0", /must be a duration above 0/],
    ["HEARTBEAT_INTERVAL", "-5s", /must be a duration above 0/],
    ["INSECURE_SKIP_VERIFY", SECRET, /must be one of true, false/],
    ["COMPRESSION", SECRET, /must be one of gzip, true, none, false/],
    ["TRANSPORT", SECRET, /must be one of auto/],
  ])("%s=%s", (name, value, problem) => {
    const error = refusal(() => read({ [`OTEL_OPAMP_${name}`]: value }));
    expect(error.message).toMatch(problem);
    expect(error.message.startsWith(`OTEL_OPAMP_${name}: `)).toBe(true);
    expect(`${error.message} ${error.hint}`).not.toContain(SECRET);
  });

  test.each([
    [{ OTEL_OPAMP_CLIENT_KEY: "k" }, "OTEL_OPAMP_CLIENT_CERTIFICATE: is not set"],
    [{ OTEL_OPAMP_CLIENT_CERTIFICATE: "c" }, "OTEL_OPAMP_CLIENT_KEY: is not set"],
    [{ OTEL_OPAMP_ENDPOINT: "" }, "OTEL_OPAMP_ENDPOINT: is not set"],
    [{ OTEL_RESOURCE_ATTRIBUTES: SECRET }, "OTEL_RESOURCE_ATTRIBUTES: pair 1 is not written as name=value"],
  ])("%j", (env, message) => {
    expect(refusal(() => read(env)).message).toBe(message);
  });
});

describe("a slip in a name is refused, and others are left alone", () => {
  test.each([
    ["OTEL_OPAMP_ENDPONT", "OTEL_OPAMP_ENDPOINT"],
    ["OTEL_OPAMP_HEADER", "OTEL_OPAMP_HEADERS"],
    ["OTEL_OPAMP_CLIENTKEY", "OTEL_OPAMP_CLIENT_KEY"],
  ])("%s", (name, meant) => {
    const error = refusal(() => read({ [name]: SECRET }));
    expect(error.message).toBe(`${name}: is no known variable; ${meant} is`);
    expect(error.hint).toBe(`set ${meant}`);
  });

  test("such as those that Kubernetes sets for a service", () => {
    const port = {
      OTEL_OPAMP_SERVICE_HOST: "10.0.0.1",
      OTEL_OPAMP_PORT: "tcp://10.0.0.1:4320",
      OTEL_OPAMP_SERVICE_PORT: "1",
    };
    expect(read({ ...port, OTEL_OPAMP_PORT_4320_TCP_PROTO: "tcp" })).toEqual(read({}));
  });
});
