import fc from "fast-check";
import { expect, test } from "vitest";
import { decodePart, type PartSettings } from "../../../src/connection-settings/part-settings.js";
import { encodePlain } from "../../../src/connection-settings/snapshot.js";
import { OpAMPClient, type SettingsContext } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, type VirtualClock, virtualClock } from "../../../src/testing/index.js";
import { recorded } from "../connection-settings/disk.js";
import { headers } from "../connection-settings/offers.js";
import { type Walked, walkThrough } from "../connection-settings/walking.js";
import { ended } from "../hosted.js";

const KEYS = ["ownMetrics", "ownTraces", "a", "b"] as const;
type Key = (typeof KEYS)[number];
const isOther = (key: Key): boolean => key === "a" || key === "b";

/** What a handler does when it is called. */
const MODES = ["resolves", "rejects", "refuses", "hangs", "is slow", "is deaf"] as const;
type Mode = (typeof MODES)[number];

type Action =
  | { do: "offer"; parts: readonly { key: Key; member: "endpoint" | "token" | "wrong" }[] }
  | { do: "mode"; key: Key; mode: Mode }
  | { do: "wait"; ms: number }
  | { do: "kill"; ago: number }
  | { do: "restart" | "retry" | "forget" };

const key = fc.constantFrom(...KEYS);
const part = fc.record({ key, member: fc.constantFrom("endpoint", "token", "endpoint", "token", "wrong") });
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const), parts: fc.array(part, { maxLength: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("mode" as const), key, mode: fc.constantFrom(...MODES) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 600, 8_000, 80_000, 400_000) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("kill" as const), ago: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.constantFrom<Action>({ do: "restart" }, { do: "retry" }, { do: "forget" }) },
);

/** One agent through all its processes. */
class World implements Walked<Action> {
  readonly #server: OpAMPServer;
  #disk = recorded();
  #client: OpAMPClient | undefined;
  #clock: VirtualClock = virtualClock();
  #process = 0;
  readonly #modes = new Map<Key, Mode>();
  /** What the program uses, in the process of the moment. */
  #used = new Map<Key, PartSettings>();
  /** What kills left behind. */
  readonly #orphans = new Set<string>();
  readonly #wrong: string[] = [];
  /** What was ever applied, as text. */
  readonly #applied = new Set<string>();
  /** What handlers put to use although they had been told to stop: it does not count, and need not be stored. */
  readonly #against = new Set<Key>();
  /** The number of the last offer: it is its hash, and in all its values. */
  #offers = 0;

  private constructor(server: OpAMPServer) {
    this.#server = server;
  }

  static async begin(this: void): Promise<World> {
    const world = new World(await OpAMPServer.start());
    await world.#start();
    return world;
  }

  async do(action: Action): Promise<void> {
    switch (action.do) {
      case "offer":
        return this.#offer(action.parts);
      case "mode":
        return void this.#modes.set(action.key, action.mode);
      case "wait":
        return this.#clock.advance(action.ms);
      case "kill": {
        const { moments } = this.#disk;
        const at = moments[Math.max(0, moments.length - 1 - action.ago)];
        // A blob of which no state says anything yet stays, until the same settings are offered again.
        const named = new Set(at?.state?.otherConnections?.parts.map(({ blob }) => blob));
        for (const name of at?.blobs.keys() ?? []) if (!named.has(name)) this.#orphans.add(name);
        this.#disk = recorded(at);
        void this.#running.stop();
        await this.#clock.advance(5_000);
        return this.#start();
      }
      case "restart":
        await ended(this.#running, this.#clock);
        return this.#start();
      case "retry":
        this.#running.retryConnectionSettings();
        return this.#clock.advance(1);
      case "forget":
        this.#running.forgetConnectionSettings();
        return this.#clock.advance(1);
      default:
        return action satisfies never;
    }
  }

  /** Every handler works again: what is stored is what the program uses, and the status is about the last offer. */
  async settle(): Promise<void> {
    this.#modes.clear();
    await this.#clock.advance(2_000_000);
    this.#running.retryConnectionSettings();
    await this.#clock.advance(2_000_000);
    expect(this.#running.phase).toBe("online");
    const status = this.#server.agent(this.#running.instanceUid).connectionSettingsStatus;
    expect(status?.status).not.toBe(2);
    const { state, blobs } = this.#disk.now();
    const stored = state?.otherConnections?.parts ?? [];
    const named = new Set(stored.map(({ blob }) => blob));
    expect([...named].filter((name) => !blobs.has(name))).toEqual([]);
    expect([...blobs.keys()].filter((name) => !named.has(name) && !this.#orphans.has(name))).toEqual([]);
    expect(this.#wrong).toEqual([]);
    if (status?.status !== 1) return;
    for (const { part: kind, name, blob } of stored) {
      const used = [...this.#used].find(([its]) => its === (name ?? kind))?.[1];
      expect(used).toEqual(decodePart(blobs.get(blob) ?? new Uint8Array()));
    }
    const known = new Set<string>(stored.map(({ part: kind, name }) => name ?? kind));
    const unknown = [...this.#used.keys()].filter((key) => !known.has(key) && !this.#against.has(key));
    expect(unknown).toEqual([]);
  }

  async end(): Promise<void> {
    await ended(this.#running, this.#clock);
    await this.#server.close();
  }

  get #running(): OpAMPClient {
    if (this.#client === undefined) throw new Error("it has not begun");
    return this.#client;
  }

  async #offer(parts: Extract<Action, { do: "offer" }>["parts"]): Promise<void> {
    const { phase, instanceUid } = this.#running;
    if (phase !== "online" || this.#offers >= 250) return;
    this.#offers += 1;
    const n = this.#offers;
    const its = (key: Key, member: string) => ({
      // Telemetry is a whole, others are partial.
      ...((!isOther(key) || member === "endpoint") && { destinationEndpoint: `https://h/${n}` }),
      ...((!isOther(key) || member === "token") && { headers: headers(["x-token", `token-${n}`]) }),
      ...(member === "wrong" && { tls: { minVersion: "0" } }),
    });
    const named = Object.fromEntries(parts.map(({ key, member }) => [key, its(key, member)]));
    const { ownMetrics, ownTraces, ...otherConnections } = named;
    this.#server.agent(instanceUid).send({
      connectionSettings: {
        hash: Uint8Array.of(n),
        ...(ownMetrics && { ownMetrics }),
        ...(ownTraces && { ownTraces }),
        otherConnections,
      },
    });
    await this.#clock.advance(1);
  }

  async #start(): Promise<void> {
    this.#process += 1;
    this.#used = new Map();
    this.#against.clear();
    this.#clock = virtualClock();
    const process = this.#process;
    const handler = (kind: Key | undefined) => ({
      validate: (settings: PartSettings) => {
        if (this.#modes.get(this.#keyOf(kind, settings)) === "refuses") throw new Error("refused");
      },
      apply: (settings: PartSettings, context: SettingsContext<PartSettings>) =>
        this.#apply(this.#keyOf(kind, settings), settings, context, process),
    });
    this.#client = new OpAMPClient({
      url: "wss://home.example.com/v1/opamp",
      transport: memoryTransport(this.#server, { duplex: true }),
      clock: this.#clock,
      random: () => 0.5,
      instanceUid: "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10",
      store: this.#disk.store,
      description: { identifying: { "service.name": "walker" } },
      connectionSettings: {
        ownMetrics: handler("ownMetrics"),
        ownTraces: handler("ownTraces"),
        other: handler(undefined),
      },
    });
    this.#client.start();
    await this.#clock.advance(0);
  }

  #keyOf(kind: Key | undefined, settings: PartSettings): Key {
    return kind ?? KEYS.find((key) => "name" in settings && settings.name === key) ?? "a";
  }

  async #apply(
    key: Key,
    settings: PartSettings,
    { signal, reason, previous }: SettingsContext<PartSettings>,
    process: number,
  ): Promise<void> {
    const text = textOf(key, settings);
    const [, number] = settings.endpoint.split("https://h/");
    if (!isOther(key) && settings.headers["x-token"] !== `token-${number}`) this.#wrong.push(`half of ${text}`);
    // What is handed over again, and what was before, was applied at some time.
    if (reason !== "offer" && !this.#applied.has(text)) this.#wrong.push(`${reason} of ${text}`);
    if (previous !== undefined && !this.#applied.has(textOf(key, previous))) this.#wrong.push(`previous of ${text}`);
    switch (this.#modes.get(key)) {
      case "rejects":
        throw new Error("rejected");
      case "hangs":
        return new Promise(() => undefined);
      case "is slow":
      case "is deaf":
        // An aborted call has 5 000 ms to end.
        await new Promise<void>((resolve) => this.#clock.after(3_000, resolve));
        break;
      default:
    }
    const isDeaf = this.#modes.get(key) === "is deaf";
    if ((signal.aborted && !isDeaf) || process !== this.#process) return;
    this.#applied.add(text);
    this.#used.set(key, settings);
    if (signal.aborted) this.#against.add(key);
    else this.#against.delete(key);
  }
}

function textOf(key: Key, settings: PartSettings): string {
  return `${key} ${Buffer.from(encodePlain(settings))}`;
}

test("offers, failures and kills in any order leave what is stored in use, and nothing else", async () => {
  await walkThrough(actions, 30, 40, fc.tuple(), World.begin);
}, 120_000);
