import { expect, test } from "vitest";
import { collectorFile } from "./collector-config.js";
import { type ProgramName, programs, startProgram } from "./collector-program.js";

const WS = { endpoint: "ws://127.0.0.1:1/v1/opamp" };
const HTTP = { endpoint: "http://127.0.0.1:1/v1/opamp" };

type Section = Readonly<Record<string, unknown>>;

/** Blocks that are wrong, and what both must say of them. */
const refused: Record<string, { opamp: object; extensions?: Section; resource?: Section; phrase: string }> = {
  "both ws and http": {
    opamp: { server: { ws: WS, http: HTTP } },
    phrase: "opamp server must have only ws or http set",
  },
  "neither ws nor http": { opamp: { server: {} }, phrase: "opamp server must have at least ws or http set" },
  "an empty endpoint": {
    opamp: { server: { ws: { endpoint: "" } } },
    phrase: "opamp server endpoint must be provided",
  },
  "no endpoint": { opamp: { server: { http: {} } }, phrase: "opamp server endpoint must be provided" },
  "a negative polling interval": {
    opamp: { server: { http: { ...HTTP, polling_interval: "-1s" } } },
    phrase: "polling interval must be 0 or greater",
  },
  "an instance uid that is none": {
    opamp: { server: { ws: WS }, instance_uid: "not-a-uid" },
    phrase: "opamp instance_uid is invalid",
  },
  "an unknown key": { opamp: { server: { ws: { ...WS, endpont: "x" } } }, phrase: "endpont" },
  "an unknown capability": {
    opamp: { server: { ws: WS }, capabilities: { accepts_everything: true } },
    phrase: "accepts_everything",
  },
  "polling over a WebSocket": {
    opamp: { server: { ws: { ...WS, polling_interval: "1s" } } },
    phrase: "polling_interval",
  },
  "a map where text is wanted": { opamp: { server: { ws: { endpoint: { a: 1 } } } }, phrase: "endpoint" },
  "a word where a switch is wanted": {
    opamp: { server: { ws: WS }, capabilities: { reports_health: "perhaps" } },
    phrase: "reports_health",
  },
  "a duration without a unit": {
    opamp: { server: { http: { ...HTTP, polling_interval: "soon" } } },
    phrase: "polling_interval",
  },
  // The Collector does not say which UUID.
  "an instance id of the resource that is not a uid": {
    opamp: { server: { ws: WS } },
    resource: { "service.instance.id": "host-1" },
    phrase: "UUID",
  },
  "an auth extension that is not there": {
    opamp: { server: { ws: { ...WS, auth: "bearertokenauth" } } },
    phrase: "bearertokenauth",
  },
  "an auth extension without a token": {
    opamp: { server: { ws: { ...WS, auth: "bearertokenauth" } } },
    extensions: { bearertokenauth: {} },
    phrase: "bearertokenauth",
  },
  "a reference with a name that is none": {
    opamp: { server: { ws: { endpoint: `\${env:A-B}` } } },
    phrase: "A-B",
  },
  "a reference with an unknown scheme": {
    opamp: { server: { ws: { endpoint: `\${vault:a}` } } },
    phrase: "vault",
  },
};

test.for(Object.entries(refused))("both refuse %s, and say so", async ([, { opamp, phrase, ...changes }]) => {
  const file = collectorFile("ws", WS.endpoint, changes);
  // The server is what is wrong here, so that the whole block is the case's.
  const broken = { ...file, extensions: { ...file.extensions, opamp: { ...file.extensions.opamp, ...opamp } } };
  const outcome = async (program: ProgramName) => {
    const running = startProgram(program, broken);
    return { code: await running.ended, log: running.log };
  };
  const [collector, ours] = await Promise.all(programs.map(outcome));
  expect(collector).toEqual({ code: 1, log: expect.stringContaining(phrase) });
  expect(ours).toEqual({ code: 2, log: expect.stringContaining(phrase) });
});
