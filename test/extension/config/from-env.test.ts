import { describe, expect, test } from "vitest";
import { readSettings } from "../../../src/client/settings/settings.js";
import { fromEnv } from "../../../src/extension/config/from-env.js";
import { resolveHeaders } from "../../../src/transport/settings/headers.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";
import { SECRET } from "../reading.js";

const ENDPOINT = { OTEL_OPAMP_ENDPOINT: "wss://opamp.example.com/v1/opamp" };

function read(env: Record<string, string>) {
  const options = fromEnv({ env: { ...ENDPOINT, ...env } });
  readSettings(options);
  return options;
}

test("the endpoint alone is enough", () => {
  expect(fromEnv({ env: ENDPOINT })).toEqual({
    url: "wss://opamp.example.com/v1/opamp",
    description: { identifying: { "service.name": "unknown_service:node" }, nonIdentifying: {} },
  });
});

describe("headers", () => {
  verifies("AUTH-01", "are read from the variable at each attempt", async () => {
    const env: Record<string, string> = {
      ...ENDPOINT,
      OTEL_OPAMP_HEADERS: "X-Tenant=a, authorization = Bearer%20abc%2C%3D ,,x-empty=",
    };
    const { headers } = fromEnv({ env });
    expect(await resolveHeaders(headers, undefined)).toEqual({
      "x-tenant": "a",
      authorization: "Bearer abc,=",
      "x-empty": "",
    });
    env["OTEL_OPAMP_HEADERS"] = "x=a=b";
    expect(await resolveHeaders(headers, undefined)).toEqual({ x: "a=b" });
    delete env["OTEL_OPAMP_HEADERS"];
    expect(await resolveHeaders(headers, undefined)).toEqual({});
  });

  const wrong: readonly [string, RegExp][] = [
    [`a=1,${SECRET}`, /pair 2 is not written as name=value/],
    [`=${SECRET}`, /pair 1 is not written as name=value/],
    [`a=${SECRET}%zz`, /pair 1 has a percent sign/],
    [`${SECRET}%=a`, /pair 1 has a percent sign/],
    [`a=b,c=%0a${SECRET}`, /pair 2 cannot be sent as a header/],
  ];
  for (const [text, problem] of wrong) {
    test(`such as ${text} are named by their place, without the text, at the start and at an attempt`, async () => {
      const env: Record<string, string> = { ...ENDPOINT, OTEL_OPAMP_HEADERS: "a=b" };
      const { headers } = fromEnv({ env });
      env["OTEL_OPAMP_HEADERS"] = text;
      const atStart = refusal(() => fromEnv({ env }));
      const atAttempt: unknown = await resolveHeaders(headers, undefined).catch((error) => error);
      expect(atStart).toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(problem) });
      expect(atAttempt).toMatchObject({ code: "ERR_OPAMP_AUTH", message: expect.stringMatching(problem) });
      for (const error of [atStart, atAttempt]) expect(String(error)).not.toContain(SECRET);
      expect(atStart.message.startsWith("OTEL_OPAMP_HEADERS: ")).toBe(true);
      expect(atStart.hint).not.toContain(SECRET);
    });
  }
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
  expect(read({ OTEL_OPAMP_HEADERS: " ", OTEL_SERVICE_NAME: " ", OTEL_RESOURCE_ATTRIBUTES: " " })).toEqual(read({}));
});

test.each([
  [{ OTEL_OPAMP_ENDPOINT: "" }, "OTEL_OPAMP_ENDPOINT: is not set"],
  [{ OTEL_RESOURCE_ATTRIBUTES: SECRET }, "OTEL_RESOURCE_ATTRIBUTES: pair 1 is not written as name=value"],
])("%j is named by its variable, without its value", (env, message) => {
  expect(refusal(() => read(env)).message).toBe(message);
});
