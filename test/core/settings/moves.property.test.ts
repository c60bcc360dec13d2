import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_TRIAL, nextTrial, type Trial } from "../../../src/base/trial.js";
import { maskOf } from "../../../src/core/capabilities.js";
import { Core } from "../../../src/core/core.js";
import type { Input, Lost, Offered, Output, Use } from "../../../src/core/io.js";
import { connectionSettings } from "../../../src/core/offers/connection-settings.js";
import { remoteConfig } from "../../../src/core/offers/remote-config.js";
import type { OfferStatus } from "../../../src/core/parts.js";
import { acknowledges, CONFIG, message } from "../harness.js";
import { hash } from "../values.js";
import { settings } from "./moving.js";

const VERIFY_MS = 60_000;
const MAX_STEPS = 50_000;

type Action =
  | { do: "wait"; ms: number }
  | { do: "offer"; number: number }
  | { do: "stored"; fails: boolean }
  | { do: "open" }
  | { do: "answer"; offer: number | undefined }
  | { do: "refuse"; type: number }
  | { do: "busy"; ms: number }
  | { do: "lose"; final: boolean; throttled: boolean; renewed: boolean }
  | { do: "switch" | "handled" | "reconnect" | "forget" | "retry" | "kill" };

const number = fc.nat({ max: 4 });
const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 300, 2_000, 31_000, 90_000) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const), number }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("stored" as const), fails: fc.boolean() }) },
  { weight: 14, arbitrary: fc.constant<Action>({ do: "open" }) },
  {
    weight: 14,
    arbitrary: fc.record({ do: fc.constant("answer" as const), offer: fc.option(number, { nil: undefined, freq: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const), type: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("busy" as const), ms: fc.constantFrom(0, 5_000, 100_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("lose" as const),
      final: fc.boolean(),
      throttled: fc.boolean(),
      renewed: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.constant<Action>({ do: "switch" }) },
  { weight: 4, arbitrary: fc.constantFrom<Action>({ do: "handled" }, { do: "reconnect" }, { do: "retry" }) },
  { weight: 1, arbitrary: fc.constantFrom<Action>({ do: "forget" }, { do: "kill" }) },
);

/** What is on the disk, and who has proved to be there. */
interface World {
  /** Settings by the offer that they came with; 0 are those of the options. */
  committed: number;
  candidate: number | undefined;
  trial: Trial;
  /** Settings that have answered a report. */
  proved: Set<number>;
}

/** Agents that die and come back, between servers of which some never answer; a second account of what must hold. */
class Walk {
  readonly #isDuplex: boolean;
  readonly #dead: ReadonlySet<number>;
  readonly #disk: World = { committed: 0, candidate: undefined, trial: NO_TRIAL, proved: new Set([0]) };
  #core: Core;
  /** What transports would be made of: as the host holds it in memory. */
  #memory = { committed: 0, candidate: undefined as number | undefined };
  #now = 0;
  /** The settings that the connection was dialled with. */
  #wire: { use: Use; settings: number; isOpen: boolean; unanswered: number } | undefined;
  #persisting: { id: number; change: Extract<Output, { type: "persist" }>["change"] }[] = [];
  #running: { id: number; number: number } | undefined;
  /** The offer whose handler waits for the connection to be moved. */
  #switching: number | undefined;
  #status: OfferStatus | undefined;
  /** The offer whose settings are in force, and being stored. */
  #storing: number | undefined;

  /** @param dead settings whose server is not there */
  constructor(isDuplex: boolean, dead: readonly number[], seed: number) {
    this.#isDuplex = isDuplex;
    this.#dead = new Set(dead);
    this.#core = this.#start(seed);
  }

  do(action: Action): void {
    switch (action.do) {
      case "wait":
        return this.#advance(action.ms);
      case "offer":
        if (this.#isDuplex && this.#isUp) this.#receive({ ...settings(action.number) });
        return;
      case "stored":
        return this.#stored(action.fails);
      case "open":
        return this.#open();
      case "answer":
        if (this.#isUp && this.#answerable)
          this.#receive(action.offer === undefined ? {} : settings(action.offer), true);
        return;
      case "refuse":
        if (this.#isUp && this.#answerable) this.#receive({ errorResponse: { type: action.type } }, true);
        return;
      case "busy": {
        const value = { retryAfterNanoseconds: BigInt(action.ms) * 1_000_000n };
        if (this.#isUp && this.#answerable)
          this.#receive({ errorResponse: { type: 2, Details: { case: "retryInfo", value } } }, true);
        return;
      }
      case "lose":
        return this.#lose(action);
      case "switch":
        return this.#switch();
      case "handled":
        return this.#handled();
      case "forget":
        this.#memory.committed = 0;
        this.#storing = undefined;
        return this.#turn({ type: "forget", kind: "connectionSettings" });
      case "reconnect":
        return this.#turn({ type: "reconnect" });
      case "retry":
        return this.#turn({ type: "retry", kind: "connectionSettings" });
      case "kill":
        return this.#kill();
      default:
        return action satisfies never;
    }
  }

  /** Everybody behaves from now on: the agent ends online, on settings that were proved. */
  settle(): void {
    for (let steps = 0; ; steps++) {
      expect(steps).toBeLessThan(MAX_STEPS);
      if (this.#persisting.length > 0) this.#stored(false);
      else if (this.#running !== undefined && this.#switching !== this.#running.id) this.#handled();
      else if (this.#wire !== undefined && !this.#wire.isOpen && !this.#isDead) this.#open();
      else if (this.#isUp && this.#answerable) this.#receive({}, true);
      else if (this.#core.phase === "online" && this.#status?.status !== "applying") break;
      else this.#advance(Math.max(0, (this.#core.deadline ?? this.#now) - this.#now));
    }
    expect(this.#wire?.use).toBe("committed");
    expect(this.#disk.proved).toContain(this.#wire?.settings);
    expect(this.#status?.status).not.toBe("applying");
  }

  get #isUp(): boolean {
    return this.#wire?.isOpen === true;
  }

  get #isDead(): boolean {
    return this.#wire !== undefined && this.#dead.has(this.#wire.settings);
  }

  get #answerable(): boolean {
    return (this.#wire?.unanswered ?? 0) > 0;
  }

  #start(seed: number): Core {
    const disk = this.#disk;
    const died = nextTrial(disk.trial, { type: "died" }) ?? disk.trial;
    this.#memory = { committed: disk.committed, candidate: disk.candidate };
    this.#core = new Core({
      ...CONFIG,
      capabilities: maskOf(["acceptsOpAMPConnectionSettings", "reportsConnectionSettingsStatus", "reportsHeartbeat"]),
      offers: [remoteConfig, connectionSettings],
      settings: { verifyMs: VERIFY_MS, maxPerHour: 4 },
      seed,
    });
    const offered = disk.candidate === undefined ? undefined : this.#offered(disk.candidate);
    const resume = { trial: died, switchedAt: [], ...(offered && died.phase === "trial" && { offered }) };
    this.#turn({ type: "start", resume });
    this.#switching = this.#running?.id;
    return this.#core;
  }

  #offered(first: number): Offered {
    const { connectionSettings: offer } = message(settings(first));
    if (offer === undefined) throw new Error("no settings");
    return { kind: "connectionSettings", hash: hash(first), offer };
  }

  /** The process dies: what was not stored is gone. */
  #kill(): void {
    this.#wire = undefined;
    this.#persisting = [];
    this.#running = undefined;
    this.#storing = undefined;
    this.#status = undefined;
    this.#start(this.#now);
  }

  #switch(): void {
    const running = this.#running;
    if (running === undefined) return;
    const free = !this.#persisting.some(({ change }) => change.what === "settings");
    if (free && this.#wire?.use !== "candidate") this.#memory.candidate = running.number;
    if (this.#memory.candidate !== running.number) return;
    this.#switching = running.id;
    this.#storing = undefined;
    this.#turn({ type: "switch", id: running.id });
  }

  #handled(): void {
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) this.#turn({ type: "handled", kind: "connectionSettings", id: running.id });
  }

  #stored(fails: boolean): void {
    const next = this.#persisting.shift();
    if (next === undefined) return;
    const { id, change } = next;
    if (!fails && change.what === "settings") {
      this.#disk.trial = change.trial;
      // What is in force is in each of these, also where it could not be stored before.
      this.#disk.committed = this.#memory.committed;
      this.#disk.candidate = change.step === "candidate" ? this.#memory.candidate : undefined;
    }
    if (!fails && change.what === "forget")
      Object.assign(this.#disk, { committed: 0, candidate: undefined, trial: NO_TRIAL });
    this.#turn(fails ? { type: "persisted", id, error: "x" } : { type: "persisted", id });
  }

  #open(): void {
    if (this.#wire === undefined || this.#wire.isOpen || this.#isDead) return;
    this.#wire.isOpen = true;
    this.#turn({ type: "opened", duplex: this.#isDuplex, wallNow: this.#now });
  }

  #lose(how: Extract<Action, { do: "lose" }>): void {
    if (this.#wire === undefined) return;
    const loss: Lost = { error: "x", fate: "unknown", orderly: false, throttled: how.throttled, final: how.final };
    if (how.throttled) loss.retryAfterMs = 20_000;
    if (how.renewed) loss.renewed = "credentials";
    this.#wire = undefined;
    this.#turn({ type: "lost", loss });
  }

  #receive(answer: Parameters<typeof message>[0], isAnswer = false): void {
    if (this.#wire !== undefined && isAnswer) this.#wire.unanswered -= 1;
    this.#turn({ type: "received", message: message(Object.assign(acknowledges(), answer)) });
  }

  #advance(ms: number): void {
    const until = this.#now + ms;
    for (let steps = 0; (this.#core.deadline ?? Number.POSITIVE_INFINITY) <= until; steps++) {
      expect(steps).toBeLessThan(MAX_STEPS);
      this.#now = Math.max(this.#now, this.#core.deadline ?? 0);
      this.#step({ type: "tick" });
    }
    this.#now = until;
    this.#check();
  }

  #turn(input: Input): void {
    this.#step(input);
    for (let steps = 0; (this.#core.deadline ?? Number.POSITIVE_INFINITY) <= this.#now; steps++) {
      expect(steps).toBeLessThan(MAX_STEPS);
      this.#step({ type: "tick" });
    }
    this.#check();
  }

  #step(input: Input): void {
    for (const output of this.#core.step(input, this.#now)) this.#take(output);
  }

  #take(output: Output): void {
    switch (output.type) {
      case "dial":
        expect(this.#wire).toBeUndefined();
        return this.#dialled(output.use);
      case "close":
        if (output.code === 1006) this.#wire = undefined;
        else {
          this.#wire = undefined;
          return this.#step({ type: "lost", loss: { error: "x", fate: "unknown", orderly: true, throttled: false } });
        }
        return;
      case "send":
        if (this.#wire !== undefined) this.#wire.unanswered += 1;
        return;
      case "persist":
        if (output.change.what === "settings" && output.change.step === "accepted") this.#accepted();
        if (output.change.what === "forget") this.#status = undefined;
        this.#persisting.push({ id: output.id, change: output.change });
        return;
      case "apply":
        if (output.kind === "connectionSettings") this.#running = { id: output.id, number: output.hash[0] ?? 0 };
        return;
      case "abort":
        return this.#running?.id === output.id ? this.#aborted() : undefined;
      case "switched": {
        // A newer offer may have come while what was accepted was being stored.
        const isStored = this.#storing === output.id;
        this.#storing = undefined;
        if (isStored && this.#running?.id !== output.id) return;
        // Only of the offer that is being applied, and never that it was accepted without an answer.
        expect(this.#running?.id).toBe(output.id);
        this.#switching = undefined;
        if (output.failed === undefined) expect(this.#disk.proved).toContain(this.#running?.number);
        return;
      }
      case "offer":
        this.#status = output.status;
        return;
      default:
        return;
    }
  }

  /** A handler that is aborted ends. */
  #aborted(): void {
    const { id } = this.#running ?? { id: 0 };
    this.#running = undefined;
    this.#step({ type: "handled", kind: "connectionSettings", id, error: "aborted" });
  }

  #dialled(use: Use): void {
    const chosen = this.#memory[use];
    if (chosen === undefined) throw new Error("a dial with settings that are not there");
    if (use === "committed") expect(this.#disk.proved).toContain(chosen);
    else expect(this.#disk.candidate).toBe(chosen);
    this.#wire = { use, settings: chosen, isOpen: false, unanswered: 0 };
  }

  #accepted(): void {
    // Once more: it could not be stored.
    if (this.#storing !== undefined) return;
    this.#storing = this.#running?.id;
    expect(this.#wire?.use).toBe("candidate");
    const { settings: chosen = 0 } = this.#wire ?? {};
    this.#disk.proved.add(chosen);
    this.#memory.committed = chosen;
    if (this.#wire !== undefined) this.#wire.use = "committed";
  }

  /** At every moment there is a connection, or something is due. */
  #check(): void {
    const { phase, deadline } = this.#core;
    if (phase !== "online") expect(deadline).toBeLessThan(Number.POSITIVE_INFINITY);
    if (phase === "waiting") expect((deadline ?? 0) - this.#now).toBeLessThanOrEqual(3_600_000);
    if (this.#wire?.use === "candidate")
      expect((deadline ?? Number.POSITIVE_INFINITY) - this.#now).toBeLessThanOrEqual(VERIFY_MS);
  }
}

test("offers, failures, kills and a store in any order always end with an agent online on settings that were proved", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.subarray([1, 2, 3, 4]),
      fc.nat(),
      fc.array(actions, { maxLength: 80, size: "max" }),
      (isDuplex, dead, seed, walk) => {
        const agent = new Walk(isDuplex, dead, seed);
        for (const action of walk) agent.do(action);
        agent.settle();
      },
    ),
    { numRuns: Number(process.env["WALKS"] ?? 30) },
  );
});
