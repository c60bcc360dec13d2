import { uidText } from "../../../src/base/bytes.js";
import { randomFrom } from "../../../src/core/link/backoff.js";
import { absorb, UNKNOWN_AGENT } from "../../../src/server/agents/agent-record.js";
import { BusyAgent, ways } from "./busy-agent.js";
import { type Fault, faults } from "./faults.js";
import type { ForgetfulServer, StartServer } from "./forgetful-server.js";
import { onSteadyClock, type SteadyClock } from "./steady-clock.js";

const RESTART_MS = 4_000;
const LONGEST_HOLD_MS = 250;
const LATE_MS = 20_000;

/** How long agent and server took to agree after a fault had healed. */
export interface Sample {
  fault: string;
  way: string;
  /** On the clock of the agents. */
  tookMs: number;
}

/** What became of a run. */
export interface Outcome {
  samples: readonly Sample[];
  restarts: number;
  agents: readonly BusyAgent[];
  /** Custom messages whose `send` resolved and that no server has received. */
  lost: readonly string[];
}

/**
 * Lets agents and a server that forgets everything, and is restarted every four seconds, live through each fault in turn.
 *
 * @param rounds how often each agent lives through each fault
 */
export async function converge(start: StartServer, agentCount: number, rounds: number, seed: number): Promise<Outcome> {
  const run = new Run(start, randomFrom(seed));
  return onSteadyClock(
    (clock) => run.all(clock, agentCount, rounds),
    () => run.look(),
  );
}

/** How long an agent waits for an agreement, while there is a server that it could agree with. */
interface Wait {
  sinceMs: number;
  /** The longest that the servers before had for it. */
  longestMs: number;
  agreed(): void;
}

class Run {
  readonly #start: StartServer;
  readonly #random: () => number;
  readonly #agents: BusyAgent[] = [];
  readonly #byUid = new Map<string, BusyAgent>();
  readonly #received = new Set<string>();
  readonly #samples: Sample[] = [];
  readonly #waiting = new Map<BusyAgent, Wait>();
  #server: ForgetfulServer | undefined;
  #restarts = 0;

  constructor(start: StartServer, random: () => number) {
    this.#start = start;
    this.#random = random;
  }

  async all(clock: SteadyClock, agentCount: number, rounds: number): Promise<Outcome> {
    const { port } = await this.#up(0);
    for (let number = 0; number < agentCount; number++) {
      const agent = await BusyAgent.start(ways[number % ways.length] ?? "ws", port, clock, this.#random);
      this.#agents.push(agent);
      this.#byUid.set(agent.client.instanceUid, agent);
    }
    const suffering = Promise.all(this.#agents.map((agent) => this.#suffer(agent, rounds, clock)));
    try {
      await this.#restartUntil(suffering, port, clock);
    } finally {
      await Promise.all(this.#agents.map((agent) => agent.stop()));
      await this.#server?.kill();
      this.look();
    }
    const lost = this.#agents.flatMap(({ sent }) =>
      [...sent].filter(([text, fate]) => fate === "resolved" && !this.#received.has(text)).map(([text]) => text),
    );
    return { samples: this.#samples, restarts: this.#restarts, agents: this.#agents, lost };
  }

  /** Takes in what the server has heard, and sees who agrees with it by now. */
  look(): void {
    for (const message of this.#server?.take() ?? []) {
      const agent = this.#byUid.get(uidText(message.instanceUid));
      if (agent === undefined) throw new Error("a message from an unknown agent");
      agent.known = absorb(agent.known, message).record;
      if (message.customMessage !== undefined) this.#received.add(Buffer.from(message.customMessage.data).toString());
    }
    for (const [agent, wait] of this.#waiting) {
      if (agent.disagreements(this.#received).length === 0) wait.agreed();
    }
  }

  async #suffer(agent: BusyAgent, rounds: number, clock: SteadyClock): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const [name, strike] of shuffled(Object.entries(faults), this.#random)) {
        await this.#live(agent, strike, clock);
        this.#samples.push({ fault: name, way: agent.way, tookMs: await this.#agreement(agent, name, clock) });
      }
    }
  }

  /** A fault from its beginning to its end, and what happens meanwhile. */
  async #live(agent: BusyAgent, strike: Fault, clock: SteadyClock): Promise<void> {
    agent.change(this.#random());
    await clock.wait(this.#random() * 20);
    strike(agent.network, this.#random);
    for (let number = 0; number < 3; number++) {
      if (this.#random() < 0.3) await this.#offer(agent);
      else agent.change(this.#random());
      await clock.wait((this.#random() * LONGEST_HOLD_MS) / 3);
    }
    await agent.network.restore();
  }

  async #offer(agent: BusyAgent): Promise<void> {
    agent.wanted = `config: ${Number(agent.wanted.replace("config: ", "")) + 1}`;
    // A server that has just ended hears it when it is back.
    await this.#server?.offer(agent.client.instanceUid, agent.wanted).catch(() => undefined);
  }

  /** @returns how long it took, in milliseconds */
  async #agreement(agent: BusyAgent, fault: string, clock: SteadyClock): Promise<number> {
    const { promise, resolve, reject } = deferred();
    const wait: Wait = { sinceMs: clock.now(), longestMs: 0, agreed: resolve };
    this.#waiting.set(agent, wait);
    const end = clock.after(LATE_MS, () => {
      const what = agent.disagreements(this.#received).join(", ");
      reject(new Error(`${agent.way}: ${what} not agreed on ${LATE_MS} ms after "${fault}" had healed`));
    });
    try {
      await promise;
      return Math.max(wait.longestMs, clock.now() - wait.sinceMs);
    } finally {
      end();
      this.#waiting.delete(agent);
    }
  }

  async #restartUntil(over: Promise<unknown>, port: number, clock: SteadyClock): Promise<void> {
    const isOver = over.then(() => true);
    while (!(await Promise.race([isOver, clock.wait(RESTART_MS).then(() => false)]))) {
      for (const wait of this.#waiting.values()) wait.longestMs = Math.max(wait.longestMs, clock.now() - wait.sinceMs);
      await this.#server?.kill();
      this.look();
      for (const agent of this.#agents) agent.known = UNKNOWN_AGENT;
      await this.#up(port);
      for (const wait of this.#waiting.values()) wait.sinceMs = clock.now();
      this.#restarts += 1;
    }
  }

  async #up(port: number): Promise<ForgetfulServer> {
    const server = await this.#start(port);
    this.#server = server;
    const wanting = this.#agents.filter(({ wanted }) => wanted !== "");
    await Promise.all(wanting.map(({ client, wanted }) => server.offer(client.instanceUid, wanted)));
    return server;
  }
}

function deferred() {
  let [resolve, reject]: [() => void, (reason: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
