import { OpAMPClient } from "../../client/client.js";
import type { Clock } from "../../client/clock.js";
import type { OfferEvent, PhaseEvent } from "../../client/events.js";
import { memoryStore } from "../../store/memory-store.js";
import { CLOSE_NOW, type Transport } from "../../transport/transport.js";
import type { ConfigFiles, RemoteConfig } from "../../values/config-files.js";
import type { FleetSettings } from "./fleet-settings.js";
import type { Identity } from "./identity.js";
import { pause } from "./pause.js";
import type { Tally } from "./tally.js";

/** Makes the transport of one client, which goes by this uid. */
export type MakeTransport = (instanceUid: () => string) => Transport;

/** What an agent needs besides who it is. */
export interface AgentWorld {
  settings: Pick<FleetSettings, "applyMs" | "failedOffers" | "heartbeatMs">;
  clock: Clock;
  tally: Tally;
  transport: MakeTransport;
}

/** A program that starts again takes one to three seconds for it. */
const RESTART_MS = 1_000;
const RESTART_SPREAD_MS = 2_000;
const DISCONNECT_MS = 1_000;
const UNHEALTHY = { healthy: false, status: "degraded", lastError: "a fault of the simulation" };
const HEALTHY = { healthy: true, status: "running" };

/** One agent: a client, and the program around it that the client would report on. */
export class SimulatedAgent {
  readonly #identity: Identity;
  /** The server may change it. */
  #uid: string | Uint8Array;
  readonly #world: AgentWorld;
  readonly #random: () => number;
  /** What a program has on disk: it outlives a restart. */
  readonly #store = memoryStore();
  readonly #end = new AbortController();
  #config: ConfigFiles;
  #healthy = true;
  #client: OpAMPClient | undefined;
  #transport: Transport | undefined;
  #dialledAt = 0;
  #link: "none" | "dialling" | "online" = "none";
  #isAnswered = false;
  #isBroken = false;
  #restarting: Promise<void> | undefined;

  /** @param random the agent's own generator */
  constructor(identity: Identity, world: AgentWorld, random: () => number) {
    this.#identity = identity;
    this.#uid = identity.instanceUid;
    this.#world = world;
    this.#random = random;
    this.#config = identity.config;
  }

  start(): void {
    const { clock, transport, settings } = this.#world;
    const made = transport(() => client.instanceUid);
    const client = new OpAMPClient({
      transport: made,
      clock,
      instanceUid: this.#uid,
      description: this.#identity.description,
      store: this.#store,
      health: this.#healthy ? HEALTHY : UNHEALTHY,
      heartbeat: { intervalMs: settings.heartbeatMs },
      random: this.#random,
      effectiveConfig: () => this.#config,
      remoteConfig: { apply: (config, { signal }) => this.#apply(config, signal) },
      restart: () => this.restart(),
    });
    client.on("phase", (event) => this.#onPhase(event));
    client.on("offer", (event) => this.#onOffer(event));
    client.on("serverError", () => this.#count("serverErrors"));
    this.#transport = made;
    this.#client = client;
    client.start();
  }

  /** Ends in an orderly way and comes back by the same uid. Nothing while that is under way. */
  restart(): void {
    if (this.#restarting !== undefined || this.#end.signal.aborted || this.#client === undefined) return;
    this.#count("restarts");
    this.#restarting = this.#startAgain().finally(() => {
      this.#restarting = undefined;
    });
  }

  /** Cuts the connection as a network does, if there is one. */
  breakConnection(): void {
    if (this.#link !== "online") return;
    this.#count("breaks");
    this.#isBroken = true;
    this.#transport?.close(CLOSE_NOW, "a break of the simulation");
  }

  changeHealth(): void {
    this.#count("healthChanges");
    this.#healthy = !this.#healthy;
    if (this.#restarting === undefined) this.#client?.setHealth(this.#healthy ? HEALTHY : UNHEALTHY);
  }

  /** Sends agent_disconnect and closes, within a time limit. */
  async stop(timeoutMs: number): Promise<void> {
    this.#end.abort();
    await this.#restarting;
    await this.#stopClient(timeoutMs);
  }

  /** Adds what the present client has sent and received. */
  addTraffic(): void {
    if (this.#client !== undefined) this.#world.tally.addTraffic(this.#client.stats());
  }

  async #startAgain(): Promise<void> {
    await this.#stopClient(DISCONNECT_MS);
    await pause(this.#world.clock, RESTART_MS + this.#random() * RESTART_SPREAD_MS, this.#end.signal);
    if (!this.#end.signal.aborted) this.start();
  }

  async #stopClient(timeoutMs: number): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    await client.stop({ timeoutMs });
    this.#uid = client.instanceUid;
    this.addTraffic();
    this.#client = undefined;
  }

  async #apply({ files }: RemoteConfig, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#world;
    await pause(clock, settings.applyMs * (0.5 + this.#random()), signal);
    if (this.#random() < settings.failedOffers) throw new Error("the simulation has this configuration fail");
    this.#config = Object.fromEntries(
      Object.entries(files).map(([name, { body, contentType }]) => [name, { body, contentType }]),
    );
  }

  #onOffer({ status }: OfferEvent): void {
    if (status !== "applying") this.#count(status);
  }

  #onPhase(event: PhaseEvent): void {
    const { tally, clock } = this.#world;
    const link = this.#link;
    switch (event.phase) {
      case "connecting":
        this.#link = "dialling";
        this.#dialledAt = clock.now();
        this.#isAnswered = false;
        this.#isBroken = false;
        return tally.attempted();
      case "online":
        this.#link = "online";
        if (link !== "online") tally.accepted();
        if (event.answered && !this.#isAnswered) tally.answered(clock.now() - this.#dialledAt);
        this.#isAnswered ||= event.answered;
        return;
      case "waiting":
      case "closing":
      case "stopped":
        this.#link = "none";
        if (link === "dialling") tally.refused(event.reason, event.error);
        else if (link === "online" && (this.#isBroken || event.reason === "stopping")) tally.left();
        else if (link === "online") tally.disconnected(event.reason, event.error);
        return;
      case "reporting":
        return;
      default:
        event satisfies never;
    }
  }

  #count(what: Parameters<Tally["count"]>[0]): void {
    this.#world.tally.count(what);
  }
}
