import { type ConfigFiles, type CustomChannel, OpAMPClient } from "../../../src/index.js";
import { type AgentRecord, UNKNOWN_AGENT } from "../../../src/server/agents/agent-record.js";
import { effectiveFiles } from "../../../src/server/agents/plain-values.js";
import { FaultProxy } from "../../../src/testing/index.js";
import { plainAttributes } from "../../../src/values/plain-attributes.js";
import { CAPABILITY, FILE } from "./forgetful-server.js";
import type { SteadyClock } from "./steady-clock.js";

/** How agents reach the server; `auto` goes from one way to the other. */
export const ways = ["ws", "http", "auto"] as const;
export type Way = (typeof ways)[number];

const APPLIED = 1;
/** Short enough that a dead connection shows soon, and long enough for a slow one to live. */
const PATIENCE_MS = 250;
const PING_MS = 100;
const POLL_MS = 50;
const APPLY_MS = 10;

/** An agent behind a network of its own, always up to something. */
export class BusyAgent {
  readonly client: OpAMPClient;
  readonly network: FaultProxy;
  readonly way: Way;
  /** The texts of the configurations that were applied, in order. */
  readonly applied: string[] = [];
  /** Custom messages by their text, and what became of each. */
  readonly sent = new Map<string, "waiting" | "resolved" | "rejected">();
  /** What the server has heard of the agent since it started last. */
  known: AgentRecord = UNKNOWN_AGENT;
  /** The configuration that the server is after. */
  wanted = "";
  readonly #channel: CustomChannel;
  #files: ConfigFiles = {};
  #changes = 0;
  #named = "0";
  #status = "0";

  private constructor(way: Way, network: FaultProxy, clock: SteadyClock, random: () => number) {
    this.way = way;
    this.network = network;
    this.client = new OpAMPClient({
      url: network.urlFor(`${way === "http" ? "http" : "ws"}://127.0.0.1/v1/opamp`),
      transport: way === "auto" ? "auto" : undefined,
      clock,
      random,
      description: describe(this.#named),
      health: { healthy: true, status: this.#status },
      effectiveConfig: () => this.#files,
      remoteConfig: {
        apply: async ({ files }) => {
          await clock.wait(APPLY_MS);
          this.#files = files;
          this.applied.push(files[FILE]?.text() ?? "");
        },
      },
      heartbeat: { intervalMs: POLL_MS },
      ping: { intervalMs: PING_MS },
      timeouts: { connectMs: PATIENCE_MS, answerMs: PATIENCE_MS },
      backoff: { minMs: 10, maxMs: 100 },
    });
    this.#channel = this.client.customCapability(CAPABILITY);
    this.client.start();
  }

  /** Starts one. @param port of the server */
  static async start(way: Way, port: number, clock: SteadyClock, random: () => number): Promise<BusyAgent> {
    return new BusyAgent(way, await FaultProxy.start({ target: { port }, clock, random }), clock, random);
  }

  /** Changes something of what the agent reports or sends. @param which uniform in [0, 1) */
  change(which: number): void {
    this.#changes += 1;
    const text = String(this.#changes);
    if (which < 0.3) {
      this.#named = text;
      this.client.setDescription(describe(text));
    } else if (which < 0.6) {
      this.#status = text;
      this.client.setHealth({ healthy: true, status: text });
    } else this.#send(`${this.client.instanceUid} ${text}`);
  }

  /** What the two sides do not agree on yet. @param received the custom messages that ever reached the server */
  disagreements(received: ReadonlySet<string>): string[] {
    const { description, health, remoteConfigStatus, effectiveConfig } = this.known.parts;
    const { status, lastRemoteConfigHash: hash = new Uint8Array() } = remoteConfigStatus ?? {};
    const config = effectiveFiles(effectiveConfig)[FILE]?.text();
    const agreed: Record<string, boolean> = {
      description: plainAttributes(description?.nonIdentifyingAttributes ?? [])["name"] === this.#named,
      health: health?.status === this.#status,
      remoteConfigStatus: this.wanted === "" || (status === APPLIED && Buffer.from(hash).toString() === this.wanted),
      effectiveConfig: this.wanted === "" || config === this.wanted,
      customMessages: [...this.sent].every(([text, fate]) => fate === "resolved" && received.has(text)),
    };
    return Object.keys(agreed).filter((what) => agreed[what] !== true);
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.network.close();
  }

  #send(text: string): void {
    this.sent.set(text, "waiting");
    this.#channel.send("text", text).then(
      () => this.sent.set(text, "resolved"),
      () => this.sent.set(text, "rejected"),
    );
  }
}

function describe(name: string) {
  return { identifying: { "service.name": "busy" }, nonIdentifying: { name } };
}
