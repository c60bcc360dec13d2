import { describe, expect, test } from "vitest";
import { Transports } from "../../../src/client/connection/transports.js";
import { type ConnectionSettings, laidOver } from "../../../src/connection-settings/laid-over.js";
import type { Lost, Use } from "../../../src/core/io.js";
import { OpAMPError, type OpAMPErrorCode } from "../../../src/errors.js";
import { type Loss, OpAMPClient, type Sink, type Transport } from "../../../src/index.js";
import { memoryTransport } from "../../../src/testing/index.js";
import { resolveHeaders } from "../../../src/transport/settings/headers.js";
import { moved, NEW, servers } from "./moved.js";

function settings(host: string): ConnectionSettings {
  return laidOver({ url: `wss://${host}`, headers: undefined, tls: undefined, proxy: false }, {}, false);
}

/** Transports that only know where they lead, and lose their link in one way. */
function made(code: OpAMPErrorCode = "ERR_OPAMP_CONNECT", more: Partial<Loss> = {}) {
  const uses: [string, Use][] = [];
  const make = ({ endpoint }: ConnectionSettings, use: Use): Transport => {
    uses.push([endpoint.url.hostname, use]);
    return {
      duplex: true,
      name: endpoint.url.hostname,
      open(sink) {
        const error = new OpAMPError(code, "x", { hint: "y" });
        sink.lost({ error, fate: "unknown", orderly: true, throttled: false, ...more });
      },
      send: () => undefined,
      ping: () => undefined,
      close: () => undefined,
    };
  };
  return { uses, transports: new Transports(make, settings("old")) };
}

/** How a candidate loses its link. */
function lossOf(code: OpAMPErrorCode, more?: Partial<Loss>): Lost | undefined {
  const { transports } = made(code, more);
  transports.propose(settings("new"));
  let lost: Lost | undefined;
  const sink: Partial<Sink> = {
    lost: (loss) => {
      lost = loss;
    },
  };
  transports.for("candidate").open(sink as Sink);
  return lost;
}

test("what header functions made last must not be shown, whatever they are replaced by", async () => {
  const tokens = ["first-token-9f8e", "second-token-7d6c"];
  const headers = () => ({ "X-Odd": tokens.shift() ?? "" });
  const own = laidOver({ url: "wss://old", headers, tls: undefined, proxy: false }, {}, false);
  const asked: ConnectionSettings[] = [];
  const transports = new Transports((given) => {
    asked.push(given);
    return { duplex: true, name: "none", open() {}, send() {}, ping() {}, close() {} };
  }, own);
  transports.for("committed");
  expect(transports.secrets).toEqual([]);
  for (const token of [...tokens]) {
    expect(await resolveHeaders(asked[0]?.headers, undefined)).toEqual({ "x-odd": token });
  }
  transports.commit(settings("new"));
  expect(transports.secrets).toEqual(expect.arrayContaining(["first-token-9f8e", "second-token-7d6c"]));
});

test("transports are made when they are dialled with first, and kept", () => {
  const { uses, transports } = made();
  expect(uses).toEqual([]);
  expect(transports.for("committed")).toBe(transports.for("committed"));
  transports.propose(settings("new"));
  expect(transports.for("candidate").name).toBe("new");
  expect(uses).toEqual([
    ["old", "committed"],
    ["new", "candidate"],
  ]);
  expect(transports.name).toBe("new");
});

test("a candidate that is accepted takes the place of what was in force, and is made afresh for the next dial", () => {
  const { uses, transports } = made();
  transports.propose(settings("new"));
  transports.for("candidate");
  transports.accept();
  expect(transports.name).toBe("new");
  expect(transports.for("committed").name).toBe("new");
  expect(() => transports.for("candidate")).toThrow("there are no candidate settings");
  expect(uses).toEqual([
    ["new", "candidate"],
    ["new", "committed"],
  ]);
});

test("a candidate that is dropped, or replaced, leaves nothing behind", () => {
  const { uses, transports } = made();
  transports.propose(settings("one"));
  transports.for("candidate");
  transports.propose(settings("two"));
  expect(transports.for("candidate").name).toBe("two");
  transports.drop();
  expect(() => transports.for("candidate")).toThrow();
  expect(transports.for("committed").name).toBe("old");
  expect(uses.map(([host]) => host)).toEqual(["one", "two", "old"]);
});

test("a candidate says which failures another attempt cannot change", () => {
  expect(lossOf("ERR_OPAMP_UNAUTHORIZED")).toMatchObject({ final: true });
  expect(lossOf("ERR_OPAMP_CONNECT")).toMatchObject({ final: false });
  expect(lossOf("ERR_OPAMP_UNAUTHORIZED", { throttled: true })).toMatchObject({ final: false });
});

test("a candidate that this installation lacks something for does not end the client", () => {
  const lost = lossOf("ERR_OPAMP_INCOMPLETE");
  expect(lost).toMatchObject({ final: true, error: { code: "ERR_OPAMP_SETTINGS", message: "x", hint: "y" } });
});

describe("a transport function of the host that gives no transport", () => {
  const not = (given: string) =>
    `transport: the function must return an object with open, send, ping, close, not ${given}`;

  test.each<[string, () => unknown, string]>([
    ["undefined", () => undefined, not("undefined")],
    ["a promise", async () => undefined, not("a promise (is an await missing?)")],
    ["a part of one", () => ({ open() {}, send() {} }), not("one without ping, close")],
    [
      "an error",
      () => {
        throw new Error("no such place");
      },
      "transport: the function threw: no such place",
    ],
  ])("has its settings FAILED at once where that is %s", async (_what, give, text) => {
    const both = await servers();
    const { client, clock, statuses } = await moved({
      servers: both,
      options: {
        transport: ({ endpoint: { url } }) =>
          url.hostname.startsWith("old") ? memoryTransport(both.old) : (give as () => Transport)(),
      },
    });
    both.old.agent(client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(1), opamp: { destinationEndpoint: NEW } },
    });
    await clock.advance(2_000);
    expect(statuses).toEqual(["applying", expect.stringContaining(`failed: ${text}`)]);
    expect(client.phase).toBe("online");
  });

  test("is told so for the server of the options too", async () => {
    const nothing: () => unknown = () => undefined;
    const { errors } = await moved({ options: { transport: nothing as () => Transport } });
    expect(errors[0]).toBe(`ERR_OPAMP_OPTION ${not("undefined")}`);
  });

  test("is told so when the client is made where its server may not move it", () => {
    const options = {
      url: NEW,
      description: { identifying: { "service.name": "x" } },
      transport: () => ({}) as Transport,
    };
    expect(() => new OpAMPClient(options)).toThrow(not("one without open, send, ping, close"));
  });
});
