import fc from "fast-check";
import { expect, test } from "vitest";
import { type Clock, OpAMPClient } from "../../../src/index.js";
import {
  type MemoryTransport,
  memoryTransport,
  OpAMPServer,
  type VirtualClock,
  virtualClock,
} from "../../../src/testing/index.js";
import { recorded } from "../connection-settings/disk.js";
import { type Walked, walkThrough } from "../connection-settings/walking.js";
import { ended } from "../hosted.js";
import { type Authority, DAY_MS, HOUR_MS, requestsAt, sharedAuthority } from "./certified.js";

type Action =
  | { do: "issue"; which: "last" | "first"; hours: number }
  | { do: "wait"; ms: number }
  | { do: "jump"; ms: number }
  | { do: "refuse" | "rename" | "ask" | "kill" | "restart" | "drop" | "forget" };

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("issue" as const),
      which: fc.constantFrom("last" as const, "last" as const, "first" as const),
      hours: fc.constantFrom(2, 48, 2_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 1_000, HOUR_MS, 30 * HOUR_MS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("jump" as const), ms: fc.constantFrom(-40 * DAY_MS, HOUR_MS, 40 * DAY_MS) }),
  },
  {
    weight: 7,
    arbitrary: fc.constantFrom<Action>(
      { do: "refuse" },
      { do: "rename" },
      { do: "ask" },
      { do: "kill" },
      { do: "restart" },
      { do: "drop" },
      { do: "forget" },
    ),
  },
);

/** One agent through all its processes, and its server. */
class World implements Walked<Action> {
  readonly uids = new Set<string>();
  readonly #authority: Authority;
  readonly #server: OpAMPServer;
  readonly #expired: "keep" | "bootstrap";
  readonly #duplex: boolean;
  #disk = recorded();
  #client: OpAMPClient | undefined;
  #clock: VirtualClock = virtualClock();
  #transport: MemoryTransport | undefined;
  #wallMs = Date.UTC(2026, 0);
  #offers = 0;
  #names = 0;
  /** How many requests were looked at, and the key that the last of them was for. */
  #seen = 0;
  #key: string | undefined;
  /** The server has issued a certificate, or refused a request, since: another key may come. */
  #isSettled = true;

  private constructor(server: OpAMPServer, authority: Authority, expired: "keep" | "bootstrap", duplex: boolean) {
    this.#server = server;
    this.#authority = authority;
    this.#expired = expired;
    this.#duplex = duplex;
  }

  static async begin(this: void, expired: "keep" | "bootstrap", duplex: boolean): Promise<World> {
    const world = new World(await OpAMPServer.start(), await sharedAuthority(), expired, duplex);
    await world.#start();
    return world;
  }

  async do(action: Action): Promise<void> {
    await this.#do(action);
    this.#check();
  }

  async #do(action: Action): Promise<void> {
    const clock = this.#clock;
    switch (action.do) {
      case "issue":
        return this.#issue(action.which === "last" ? -1 : 0, action.hours);
      case "wait":
        return clock.advance(action.ms);
      case "jump":
        this.#wallMs += action.ms;
        return clock.advance(1);
      case "refuse":
        this.#agent.respondWithError(1, "no");
        return clock.advance(1);
      case "rename":
        if (this.#running.phase !== "online") return;
        this.#names += 1;
        this.#agent.assignUid(`01890a5d-ac96-774b-bcce-b30209${this.#names.toString(16).padStart(6, "0")}`);
        return clock.advance(1);
      case "ask":
        this.#running.requestCertificate();
        return clock.advance(1);
      case "kill":
        // What the process does from now on reaches no disk that counts.
        this.#disk = recorded(this.#disk.now());
        return this.#again();
      case "restart":
        return this.#again();
      case "drop":
        this.#transport?.drop();
        return clock.advance(1);
      case "forget":
        this.#running.forgetConnectionSettings();
        return clock.advance(1);
      default:
        return action satisfies never;
    }
  }

  /** What holds at every moment. */
  #check(): void {
    const isAlive = this.#running.phase === "online" || this.#clock.pending > 0;
    expect(isAlive, `it is ${this.#running.phase} and waits for nothing`).toBe(true);
    this.#look();
  }

  #look(): void {
    const requests = requestsAt(this.#server, this);
    for (const csr of requests.slice(this.#seen)) {
      const key = this.#authority.keyOf(csr);
      if (key !== this.#key) expect(this.#isSettled, "another key without a reason").toBe(true);
      if (key !== this.#key) this.#isSettled = false;
      this.#key = key;
    }
    this.#seen = requests.length;
  }

  async #issue(index: number, hours: number): Promise<void> {
    this.#check();
    const csr = requestsAt(this.#server, this).at(index);
    if (this.#running.phase !== "online" || csr === undefined || this.#offers > 250) return;
    this.#offers += 1;
    const now = this.#wallNow;
    if (this.#authority.keyOf(csr) === this.#key) this.#isSettled = true;
    const cert = await this.#authority.issue(csr, { from: now, until: now + hours * HOUR_MS });
    this.#agent.send({
      connectionSettings: {
        hash: Uint8Array.of(this.#offers),
        opamp: { certificate: { cert: new TextEncoder().encode(cert) } },
      },
    });
    // A server that is polled has its turn with the next poll.
    await this.#clock.advance(HOUR_MS + 10_000);
  }

  /** A certificate for what was asked for last can be used, or one is in force already. */
  async settle(): Promise<void> {
    await this.#clock.advance(2 * DAY_MS);
    this.#check();
    expect(this.#running.phase).toBe("online");
    if (this.#running.connection?.certificateRequest === undefined) {
      expect(this.#running.connection?.certificate).toBeDefined();
      return;
    }
    expect(this.#running.connection.certificateRequest.state).not.toBe("waiting");
    const before = this.#running.connection.certificate?.fingerprint;
    await this.#issue(-1, 2_000);
    expect(this.#running.connection?.certificate?.fingerprint).not.toBe(before);
    expect(this.#running.connection?.certificate).toBeDefined();
  }

  async end(): Promise<void> {
    await ended(this.#running, this.#clock);
    await this.#server.close();
  }

  async #start(): Promise<void> {
    this.#wallMs += this.#clock.now();
    const base = virtualClock(0);
    this.#clock = base;
    const clock: Clock = { ...base, wallNow: () => this.#wallNow };
    const client = new OpAMPClient({
      url: "wss://home.example.com",
      transport: () => {
        this.#transport = memoryTransport(this.#server, { duplex: this.#duplex });
        return this.#transport;
      },
      clock,
      random: () => 0.5,
      heartbeat: { intervalMs: HOUR_MS },
      store: this.#disk.store,
      description: { identifying: { "service.name": "walker" } },
      connectionSettings: { opamp: { maxPerHour: 1_000 }, certificates: { request: true, expired: this.#expired } },
    });
    this.#client = client;
    client.on("warning", ({ code }) => {
      if (code !== "certificate-refused") return;
      this.#look();
      this.#isSettled = true;
    });
    client.on("instanceUid", ({ instanceUid }) => this.uids.add(instanceUid));
    client.start();
    await base.advance(10);
    this.uids.add(client.instanceUid);
    this.#look();
    await base.advance(1_000);
  }

  async #again(): Promise<void> {
    await ended(this.#running, this.#clock);
    return this.#start();
  }

  get #running(): OpAMPClient {
    if (this.#client === undefined) throw new Error("it has not begun");
    return this.#client;
  }

  get #agent() {
    return this.#server.agent(this.#running.instanceUid);
  }

  get #wallNow(): number {
    return this.#wallMs + this.#clock.now();
  }
}

test("requests, certificates, kills, names and clocks in any order leave an agent that can be issued a certificate", async () => {
  const kinds = fc.tuple(fc.constantFrom("keep" as const, "bootstrap" as const), fc.boolean());
  // A clock set back by more than requests are counted for.
  const setBack: Action[] = [
    { do: "jump", ms: -40 * DAY_MS },
    { do: "issue", which: "last", hours: 2 },
    { do: "forget" },
  ];
  // An agent that is refused its first words, and then sent away.
  const deaf: Action[] = [{ do: "refuse" }, { do: "refuse" }, { do: "restart" }, { do: "forget" }];
  await walkThrough(actions, 20, 40, kinds, World.begin, [
    [["keep", false], setBack],
    [["keep", false], deaf],
  ]);
}, 120_000);
