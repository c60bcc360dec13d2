import fc from "fast-check";
import { expect, test } from "vitest";
import { Core } from "../../../src/core/core.js";
import type { Input, Output } from "../../../src/core/io.js";
import { connectionSettings } from "../../../src/core/offers/connection-settings.js";
import { remoteConfig } from "../../../src/core/offers/remote-config.js";
import { isFull } from "../../end-to-end/full/long-tests.js";
import { CONFIG, message } from "../harness.js";
import { settings } from "../settings/moving.js";
import { comparedBy, configStatus, description, effectiveConfig, health, uid } from "../values.js";
import { customNames, everything, maskWithout } from "./walk-actions.js";
import { saying } from "./walk-server.js";

const ms = fc.oneof(fc.constantFrom(0, 1, 1_000, 30_000, 1e9, Number.POSITIVE_INFINITY), fc.nat({ max: 100_000 }));
const anyMs = fc.oneof(ms, fc.constantFrom(Number.NaN, -1, Number.NEGATIVE_INFINITY, Number.MAX_VALUE));
const id = fc.integer({ min: -1, max: 5 });
const small = fc.nat({ max: 3 });

function just(...inputs: readonly Input[]): fc.Arbitrary<Input> {
  return fc.constantFrom(...inputs);
}

/** Any input, whether or not it makes sense where it comes. */
const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 8, arbitrary: just({ type: "tick" }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("opened" as const), duplex: fc.boolean(), wallNow: anyMs }) },
  {
    weight: 2,
    arbitrary: just({ type: "alive" }, { type: "pong" }, { type: "dialing" }, { type: "dialed" }, { type: "stale" }),
  },
  {
    weight: 2,
    arbitrary: just({ type: "large", bytes: 300_000 }, { type: "large", bytes: 6e7 }, { type: "progress" }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("woken" as const), dueAt: anyMs, wallNow: anyMs }) },
  {
    weight: 4,
    arbitrary: just(
      { type: "start" },
      { type: "start", instanceUid: uid(7), offers: { remoteConfig: configStatus(1) } },
      { type: "reconnect" },
      { type: "malformed", error: "x" },
      { type: "oversized" },
      { type: "refresh" },
      { type: "retry", kind: "remoteConfig" },
      { type: "retry", kind: "connectionSettings" },
      { type: "forget", kind: "connectionSettings" },
      { type: "interval", seconds: 5n },
      { type: "restarted" },
      { type: "restarted", error: "x" },
      { type: "effectiveConfig" },
      { type: "effectiveConfig", value: effectiveConfig("x") },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("lost" as const),
      loss: fc.record(
        {
          error: fc.constant("x"),
          fate: fc.constantFrom("unsent" as const, "unknown" as const, "refused" as const),
          orderly: fc.boolean(),
          throttled: fc.boolean(),
          final: fc.boolean(),
          retryAfterMs: anyMs,
          renewed: fc.constantFrom("credentials" as const, "transport" as const),
        },
        { requiredKeys: ["error", "fate", "orderly", "throttled"] },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .record(
        {
          offer: small,
          offerWithoutConfig: fc.boolean(),
          flags: small,
          newUid: small,
          heartbeatSeconds: fc.constantFrom(0, 1, 1e9),
          capabilities: fc.constantFrom(0, 1, 0x17),
          customCapabilities: fc.subarray([0, 1, 2]),
          command: fc.boolean(),
        },
        { requiredKeys: [] },
      )
      .map((extras): Input => ({ type: "received", message: saying(extras) })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.integer(), from: fc.constantFrom(0, 7, 99) }).map(
      ({ type, from }): Input => ({
        type: "received",
        message: message({ instanceUid: uid(from), errorResponse: { type: type > 0 ? type % 4 : type } }),
      }),
    ),
  },
  { weight: 1, arbitrary: ms.map((withinMs): Input => ({ type: "stop", withinMs })) },
  { weight: 2, arbitrary: small.map((first): Input => ({ type: "received", message: message(settings(first)) })) },
  { weight: 2, arbitrary: id.map((number): Input => ({ type: "switch", id: number })) },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.boolean().map((well): Input => ({ type: "set", parts: { health: well ? health(true) : undefined } })),
      fc.string().map((text): Input => ({ type: "set", parts: { agentDescription: description(text) } })),
      fc.subarray([...everything]).map((off): Input => ({ type: "declare", capabilities: maskWithout(off) })),
      fc.record(
        {
          type: fc.constant("handled" as const),
          kind: fc.constantFrom("remoteConfig" as const, "connectionSettings" as const),
          id,
          error: fc.string(),
        },
        { requiredKeys: ["type", "kind", "id"] },
      ),
      fc.record({ type: fc.constant("persisted" as const), id, error: fc.string() }, { requiredKeys: ["type", "id"] }),
      fc.constantFrom(...customNames).map((capability): Input => ({ type: "forgetCustom", capability })),
      fc.record({ id, capability: fc.constantFrom(...customNames) }).map(
        ({ id: number, capability }): Input => ({
          type: "custom",
          id: number,
          message: { capability, type: "t", data: new Uint8Array() },
        }),
      ),
    ),
  },
);

/** How it stands with the link, as far as inputs and outputs say. */
class Line {
  #dialled = false;
  #opened = false;
  duplex = false;

  take(input: Input, phase: Core["phase"], outputs: readonly Output[]): void {
    if (input.type === "lost") this.#dialled = false;
    if (input.type === "opened" && (phase === "connecting" || phase === "closing")) {
      this.#opened = true;
      this.duplex = input.duplex;
    }
    for (const output of outputs) {
      if (output.type === "dial") {
        expect(this.#dialled).toBe(false);
        this.#dialled = true;
        this.#opened = false;
      } else if (output.type === "close") {
        expect(this.#dialled).toBe(true);
        if (output.code === 1006) this.#dialled = false;
      } else if (output.type === "send") expect(this.#dialled && this.#opened).toBe(true);
      else if (output.type === "ping") expect(this.#dialled && this.#opened && this.duplex).toBe(true);
    }
  }
}

test("inputs in any order never make the core throw, dial twice, send while disconnected or lose its deadline", () => {
  const walks = fc.array(fc.tuple(inputs, fc.oneof(fc.constant(0), fc.nat({ max: 40_000 }))), {
    maxLength: 150,
    size: "max",
  });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.nat(),
      walks,
      (pings, requestInstanceUid, storedFirst, isMovable, seed, walk) => {
        const core = new Core({
          ...CONFIG,
          instanceUid: uid(0),
          requestInstanceUid,
          capabilities: maskWithout([]) | 0x100n,
          offers: [{ ...remoteConfig, storedFirst }, connectionSettings],
          ...(isMovable && { settings: { verifyMs: 60_000, maxPerHour: 3 } }),
          ping: pings && { intervalMs: undefined },
          heartbeat: { intervalMs: 30_000, minMs: 1_000, maxMs: 60_000 },
          maxCustomMessages: 3,
          seed,
          same: comparedBy((a, b) => a === b),
        });
        const line = new Line();
        let now = 0;
        let number = 0n;
        let least = 1n;
        // A host that stops without a time limit may have to wait for ever.
        let isPatient = false;
        for (const [input, later] of walk) {
          now += later;
          const { phase } = core;
          const outputs = core.step(input, now);
          if (input.type === "stop" && (core.phase === "closing" || isPatient))
            isPatient = input.withinMs === Number.POSITIVE_INFINITY;
          line.take(input, phase, outputs);
          // The server has read none of the messages without an answer: their numbers are free again.
          if (input.type === "lost" && input.loss.fate === "refused") least = 1n;
          for (const output of outputs) {
            if (output.type !== "send") continue;
            expect(output.message.sequenceNum).toBeGreaterThanOrEqual(least);
            expect(output.message.sequenceNum).toBeLessThanOrEqual(number + 1n);
            number = output.message.sequenceNum;
            least = number;
          }
          const { deadline } = core;
          expect(Number.isNaN(deadline)).toBe(false);
          const idle = core.phase === "idle" || core.phase === "stopped";
          // Heartbeats cannot be turned off here; without them and pings an online duplex link may be quiet.
          const silent = !pings && (core.capabilities & 0x2000n) === 0n;
          const isClosing = core.phase === "closing" && isPatient;
          const quiet = isClosing || (core.phase === "online" && line.duplex && silent);
          if (!quiet) expect(deadline === undefined).toBe(idle);
        }
      },
    ),
    { numRuns: Number(process.env["WALKS"] ?? (isFull ? 500 : 250)) },
  );
});
