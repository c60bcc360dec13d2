import fc from "fast-check";
import { expect, test } from "vitest";
import { OpAMPClient, type Transport } from "../../../src/index.js";
import {
  type MemoryTransport,
  memoryTransport,
  OpAMPServer,
  type VirtualClock,
  virtualClock,
} from "../../../src/testing/index.js";
import { resolveHeaders } from "../../../src/transport/settings/headers.js";
import { ended } from "../hosted.js";
import { recorded } from "./disk.js";
import { headers } from "./offers.js";
import { type Walked, walkThrough } from "./walking.js";

/** Where an offer may lead: servers that are there, one that refuses everybody, one that is gone, one that is not allowed. */
const HOSTS = ["home", "one", "two", "refusing", "gone", "foreign"] as const;
type Host = (typeof HOSTS)[number];

type Action =
  | { do: "offer"; to: Host; token: boolean }
  | { do: "wait"; ms: number }
  | { do: "kill" | "restart" | "reconnect" | "forget" | "drop" };

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("offer" as const), to: fc.constantFrom(...HOSTS), token: fc.boolean() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 100, 3_000, 40_000, 130_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Action>({ do: "kill" }, { do: "restart" }, { do: "reconnect" }, { do: "drop" }),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ do: "forget" }) },
);

const urlOf = (host: Host): string => `wss://${host}.example.com/v1/opamp`;

/** A process. */
interface Running {
  client: OpAMPClient;
  clock: VirtualClock;
  transport: MemoryTransport | undefined;
}

/** One agent through all its processes, and its servers. */
class World implements Walked<Action> {
  readonly servers = new Map<Host, OpAMPServer>();
  readonly #duplex: boolean;
  #disk = recorded();
  #agent: Running | undefined;
  /** The servers that were sent what the options have for their own server. */
  readonly #toldHome = new Set<Host>();
  /** The hash of the last offer, and how many there were. */
  #offers = 0;
  /** Where an offer leads, by its number. */
  readonly #leads = new Map<number, Host>();
  /** The offers that were proved, whatever became of them then. */
  readonly #proved = new Set<number>();
  /** Where the credential of an offer was shown, by the offer's number. */
  readonly #shown: { number: number; at: Host }[] = [];
  #instanceUid: string | undefined;

  private constructor(duplex: boolean) {
    this.#duplex = duplex;
  }

  static async begin(this: void, duplex: boolean): Promise<World> {
    const world = new World(duplex);
    for (const host of HOSTS) {
      const onMessage = () => ({ errorResponse: { type: 1, errorMessage: "nobody" } });
      world.servers.set(host, await OpAMPServer.start(host === "refusing" ? { onMessage } : {}));
    }
    await world.servers.get("gone")?.close();
    await world.#start();
    return world;
  }

  async do(action: Action): Promise<void> {
    await this.#do(action);
    // At every moment there is a connection, or something that is waited for.
    const { client, clock } = this.#running;
    expect(client.phase === "online" || clock.pending > 0).toBe(true);
  }

  async #do(action: Action): Promise<void> {
    const { client, clock, transport } = this.#running;
    switch (action.do) {
      case "offer":
        return this.#offer(action.to, action.token);
      case "wait":
        return clock.advance(action.ms);
      case "kill":
        // What the process does from now on reaches no disk that counts.
        this.#disk = recorded(this.#disk.now());
        void client.stop();
        await clock.advance(5_000);
        return this.#start();
      case "restart":
        await ended(client, clock);
        return this.#start();
      case "reconnect":
        client.reconnect();
        return clock.advance(1);
      case "forget":
        client.forgetConnectionSettings();
        return clock.advance(1);
      case "drop":
        transport?.drop();
        return clock.advance(1);
      default:
        return action satisfies never;
    }
  }

  /** Everything comes to rest: online, where an offer that was proved has led, with a status that says so. */
  async settle(): Promise<void> {
    const { client, clock } = this.#running;
    await clock.advance(5_000_000);
    expect(client.phase).toBe("online");
    const host = this.#host(client.connection?.endpoint ?? "");
    expect(["home", "one", "two"]).toContain(host);
    const status = this.servers.get(host)?.agent(client.instanceUid).connectionSettingsStatus;
    expect(status?.status).not.toBe(2);
    const number = status?.lastConnectionSettingsHash[0] ?? 0;
    if (status?.status === 1) expect(this.#leads.get(number)).toBe(host);
    if (status?.status === 3) expect([this.#leads.has(number), this.#proved.has(number)]).toEqual([true, false]);
    // What was not accepted was shown where it led, and nowhere else.
    for (const { number: shown, at } of this.#shown) {
      if (!this.#proved.has(shown)) expect(at).toBe(this.#leads.get(shown));
    }
    if (client.connection?.source === "options") expect(host).toBe("home");
    for (const told of this.#toldHome) expect(told).toBe("home");
  }

  async end(): Promise<void> {
    const { client, clock } = this.#running;
    await ended(client, clock);
    for (const server of this.servers.values()) await server.close();
  }

  get #running(): Running {
    if (this.#agent === undefined) throw new Error("it has not begun");
    return this.#agent;
  }

  #host(url: string): Host {
    return HOSTS.find((host) => url.startsWith(`wss://${host}.`)) ?? "foreign";
  }

  async #offer(to: Host, hasToken: boolean): Promise<void> {
    const { client, clock } = this.#running;
    const at = this.servers.get(this.#host(client.connection?.endpoint ?? ""));
    const agent = at?.agent(client.instanceUid);
    if (client.phase !== "online" || agent === undefined || this.#offers >= 250) return;
    this.#offers += 1;
    this.#leads.set(this.#offers, to);
    const token = headers(["authorization", `${this.#offers}`]);
    agent.send({
      connectionSettings: {
        hash: Uint8Array.of(this.#offers),
        opamp: {
          destinationEndpoint: to === "foreign" ? "wss://foreign.org/x" : urlOf(to),
          ...(hasToken && { headers: token }),
        },
      },
    });
    await clock.advance(1);
  }

  async #start(): Promise<void> {
    const clock = virtualClock();
    const agent: Running = {
      clock,
      transport: undefined,
      client: new OpAMPClient({
        url: urlOf("home"),
        headers: { "x-home": "secret" },
        transport: (settings): Transport => {
          const host = this.#host(settings.endpoint.url.href);
          const server = this.servers.get(host);
          if (server === undefined || host === "foreign") throw new Error("a transport to where the agent may not go");
          void resolveHeaders(settings.headers, undefined).then((sent) => {
            if (sent["x-home"] !== undefined) this.#toldHome.add(host);
            const { authorization } = sent;
            if (authorization !== undefined) this.#shown.push({ number: Number(authorization), at: host });
          });
          agent.transport = memoryTransport(server, { duplex: this.#duplex });
          return agent.transport;
        },
        clock,
        random: () => 0.5,
        heartbeat: { intervalMs: 10_000 },
        ...(this.#instanceUid !== undefined && { instanceUid: this.#instanceUid }),
        store: this.#disk.store,
        description: { identifying: { "service.name": "walker" } },
        connectionSettings: { opamp: { endpoints: ["*.example.com"], maxPerHour: 20 } },
      }),
    };
    this.#agent = agent;
    let number = 0;
    agent.client.on("offer", ({ hash: [first = 0] }) => {
      number = first;
    });
    agent.client.on("connection", ({ state }) => {
      if (state === "accepted") this.#proved.add(number);
    });
    agent.client.start();
    await clock.advance(0);
    this.#instanceUid = agent.client.instanceUid;
  }
}

test("offers, servers and kills in any order leave an agent that is online where an offer was proved to lead", async () => {
  const offer = (to: Host, token = false): Action => ({ do: "offer", to, token });
  const wait = (ms: number): Action => ({ do: "wait", ms });
  const acts = { kill: { do: "kill" }, drop: { do: "drop" }, forget: { do: "forget" } } as const;
  // An offer that moves nothing comes while the settings are stored that led to its server.
  const whileStored: Action[] = [
    ...[offer("one"), wait(130_000), offer("one"), acts.kill, offer("two"), acts.drop, offer("foreign"), acts.forget],
    ...[wait(1), wait(3_000), offer("home", true), wait(130_000), offer("gone"), wait(130_000), offer("one")],
  ];
  await walkThrough(actions, 25, 25, fc.tuple(fc.boolean()), World.begin, [[[false], whileStored]]);
}, 120_000);
