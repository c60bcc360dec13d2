import { inspect } from "node:util";
import { expect, test } from "vitest";
import { brokeOff, dialFailed, handshakeFailed } from "../../../src/transport/explain/connect-error.js";
import { closedHere, ended } from "../../../src/transport/loss.js";
import { CLOSE_NOW } from "../../../src/transport/transport.js";

const WS = new URL("ws://opamp.example.com:4320/v1/opamp?token=secret");

test("a failed handshake is reported with its cause and a hint to a proxy", () => {
  const cause = new Error("Invalid Sec-WebSocket-Accept header");
  const { error, ...loss } = handshakeFailed(cause, WS);
  expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", cause, hint: expect.stringContaining("proxy") });
  expect(error.message).toBe(
    "opamp.example.com:4320/v1/opamp failed the WebSocket handshake: Invalid Sec-WebSocket-Accept header",
  );
  expect(loss).toEqual({ fate: "unknown", orderly: true, throttled: false });
  expect(handshakeFailed(undefined, WS).error.message).toMatch(/: unknown reason$/);
});

test("a connection closed from this side ended in an orderly way, and one cut from this side did not", () => {
  expect(closedHere(1000, "stop")).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
  expect(closedHere(CLOSE_NOW, "no answer")).toMatchObject({ orderly: false });
  expect(closedHere(CLOSE_NOW, "no answer").error.message).toBe("closed from this side: no answer");
  const { error } = closedHere(1000, "stop");
  expect(ended(error)).toEqual({ error, fate: "unknown", orderly: true, throttled: false });
});

test("bytes received in place of HTTP are removed from errors, as they may echo credentials", () => {
  const echoed = "Authorization: Bearer secret";
  for (const explain of [dialFailed, brokeOff, handshakeFailed]) {
    const cause = new Error("Parse Error: Expected HTTP/", {
      cause: Object.assign(new Error("inner"), { data: echoed, rawPacket: Buffer.from(echoed) }),
    });
    const { error } = explain(Object.assign(cause, { rawPacket: Buffer.from(echoed) }), WS);
    expect(inspect(error, { depth: 9 })).not.toMatch(/secret|rawPacket|data:/);
    expect(error.cause).toBe(cause);
  }
});
