import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { OpAMPError, WaitOptions } from "../../../src/index.js";
import { hosted } from "../hosted.js";

/** How a promise ends, for one that ends later. */
function outcome(promise: Promise<unknown>): { value: () => unknown } {
  let value: unknown = "pending";
  promise.then(
    () => {
      value = "resolved";
    },
    (reason: unknown) => {
      value = reason;
    },
  );
  return { value: () => value };
}

describe("waiting for a connection", () => {
  test("ends with the first answer, for everybody who waits, whether before the start or after it", async () => {
    const { client, clock } = await hosted();
    const before = outcome(client.connected());
    await clock.advance(60_000);
    expect(before.value()).toBe("pending");
    client.start();
    const after = outcome(client.connected({ timeoutMs: 1_000 }));
    await clock.advance(0);
    expect([before.value(), after.value(), client.phase]).toEqual(["resolved", "resolved", "online"]);
    expect(clock.pending).toBe(1);
  });

  test("that times out fails where it was called, and says that the server asks for a pause", async () => {
    const { client, clock, server } = await hosted();
    server.throttleNext({ retryAfterMs: 60_000 });
    client.start();
    const ended = outcome(client.connected({ timeoutMs: 500 }));
    await clock.advance(500);
    const error = ended.value() as OpAMPError;
    expect(error.message).toMatch(/^not connected within 500 ms: the server asks for a pause, until \d{4}-\d\d-\d\dT/);
    expect(error.stack?.split("\n")[1]).toContain("connected.test.ts");
  });

  test("ends at once while connected, and after a break with the next connection", async () => {
    const { client, clock, transport } = await hosted();
    client.start();
    await clock.advance(0);
    await client.connected({ timeoutMs: 0 });
    transport.drop();
    await clock.advance(0);
    expect(client.phase).toBe("waiting");
    const again = outcome(client.connected());
    expect(again.value()).toBe("pending");
    await clock.advance(1_000);
    expect(again.value()).toBe("resolved");
  });

  test("continues through failed attempts", async () => {
    const { client, clock, transport } = await hosted();
    transport.refuse(3);
    client.start();
    const connected = outcome(client.connected());
    await clock.advance(0);
    expect([connected.value(), client.phase]).toEqual(["pending", "waiting"]);
    await clock.advance(120_000);
    expect([connected.value(), client.phase]).toEqual(["resolved", "online"]);
  });

  test("times out with the last failure as its cause", async () => {
    const { client, clock, transport } = await hosted();
    transport.refuse();
    client.start();
    const connected = outcome(client.connected({ timeoutMs: 500 }));
    await clock.advance(499);
    expect(connected.value()).toBe("pending");
    await clock.advance(1);
    const error = connected.value() as OpAMPError;
    expect(error).toMatchObject({ code: "ERR_OPAMP_TIMEOUT", cause: { code: "ERR_OPAMP_CONNECT" } });
    expect(error.message).toMatch(/^not connected within 500 ms: no connection/);
    expect(error.hint).toBe((error.cause as OpAMPError).hint);
  });

  test("times out without a cause when nothing has failed yet", async () => {
    const { client, clock, transport } = await hosted();
    transport.hang();
    client.start();
    const connected = outcome(client.connected({ timeoutMs: 500 }));
    await clock.advance(500);
    const error = connected.value() as OpAMPError;
    expect(error).toMatchObject({ code: "ERR_OPAMP_TIMEOUT", message: "not connected within 500 ms" });
    expect(error.cause).toBeUndefined();
  });

  test("times out while the first report waits for the effective config, and says so", async () => {
    const { client, clock } = await hosted({ effectiveConfig: () => new Promise(() => undefined) });
    client.start();
    const connected = outcome(client.connected({ timeoutMs: 1_000 }));
    await clock.advance(1_000);
    expect(connected.value()).toMatchObject({
      code: "ERR_OPAMP_TIMEOUT",
      message: "not connected within 1000 ms: waiting for effectiveConfig",
      hint: expect.stringContaining("`effectiveConfig` handler"),
    });
  });

  test("times out while the server owes its first answer, and says so", async () => {
    const { client, clock, server } = await hosted();
    server.misbehave({ on: "message", mode: "silence" });
    client.start();
    const connected = outcome(client.connected({ timeoutMs: 1_000 }));
    await clock.advance(1_000);
    expect(connected.value()).toMatchObject({
      message: "not connected within 1000 ms: the server has not answered the first report",
    });
  });

  test("that times out before the start says that the client has not been started", async () => {
    const { client, clock } = await hosted();
    const connected = outcome(client.connected({ timeoutMs: 500 }));
    await clock.advance(500);
    expect(connected.value()).toMatchObject({
      code: "ERR_OPAMP_TIMEOUT",
      message: "not connected within 500 ms: the client has not been started",
      hint: "call start()",
    });
    expect(clock.pending).toBe(0);
  });

  test("times out alone, while the client and other waiters continue", async () => {
    const { client, clock, transport } = await hosted();
    transport.refuse(1);
    client.start();
    const [hasty, patient] = [outcome(client.connected({ timeoutMs: 1 })), outcome(client.connected())];
    await clock.advance(120_000);
    expect(hasty.value()).toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
    expect([patient.value(), client.phase]).toEqual(["resolved", "online"]);
  });

  for (const timeoutMs of [Number.NaN, -1, "5", null]) {
    test(`of ${String(timeoutMs)} ms of type ${typeof timeoutMs} is refused as an option`, async () => {
      const { client } = await hosted();
      await expect(client.connected({ timeoutMs } as WaitOptions)).rejects.toMatchObject({
        code: "ERR_OPAMP_OPTION",
        message: expect.stringMatching(/^timeoutMs: must be a number of milliseconds, 0 or more/),
      });
    });
  }
});

test.each([
  [{ timeout: 5 }, "connected.timeout: is not an option. Did you mean timeoutMs?"],
  [5, "connected: must be given an object, not number"],
  [null, "connected: must be given an object, not null"],
  [{ signal: 5 }, "signal: must be an AbortSignal, not number"],
])("waiting with %j is refused, also by a client that is online", async (options, message) => {
  const { client, clock } = await hosted();
  const refusal = { code: "ERR_OPAMP_OPTION", message: expect.stringContaining(message) };
  await expect(client.connected(options as WaitOptions)).rejects.toMatchObject(refusal);
  client.start();
  await clock.advance(1);
  expect(client.phase).toBe("online");
  await expect(client.connected(options as WaitOptions)).rejects.toMatchObject(refusal);
});

describe("a signal", () => {
  test("that aborts ends the wait with its reason, and nothing else", async () => {
    const { client, clock } = await hosted();
    const controller = new AbortController();
    const connected = outcome(client.connected({ signal: controller.signal, timeoutMs: 1_000 }));
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await clock.advance(0);
    expect(connected.value()).toBe(reason);
    expect([client.phase, clock.pending]).toEqual(["idle", 0]);
    client.start();
    await clock.advance(0);
    expect(client.phase).toBe("online");
  });

  test("that has aborted already ends the wait at once", async () => {
    const { client } = await hosted();
    const reason = new Error("too late");
    await expect(client.connected({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("has no listener left once the wait has ended", async () => {
    const { client, clock } = await hosted();
    const { signal } = new AbortController();
    const overdue = outcome(client.connected({ signal, timeoutMs: 1 }));
    await clock.advance(1);
    expect(overdue.value()).toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
    const connected = client.connected({ signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    client.start();
    await clock.advance(0);
    await connected;
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("a client that stops", () => {
  test("ends every wait, and refuses new ones", async () => {
    const { client, clock, transport } = await hosted();
    transport.refuse();
    client.start();
    const waits = [outcome(client.connected()), outcome(client.connected({ timeoutMs: 60_000 }))];
    await clock.advance(0);
    const stopped = client.stop();
    await clock.advance(1_000);
    await stopped;
    for (const wait of waits) expect(wait.value()).toMatchObject({ code: "ERR_OPAMP_STOPPED" });
    await expect(client.connected()).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED" });
    expect(clock.pending).toBe(0);
  });
});
