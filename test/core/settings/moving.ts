import type { Input, Outgoing, Output, Resumed } from "../../../src/core/io.js";
import { connectionSettings } from "../../../src/core/offers/connection-settings.js";
import { remoteConfig } from "../../../src/core/offers/remote-config.js";
import { type Answer, acknowledges, Harness, type Script } from "../harness.js";
import { description, hash, health } from "../values.js";

/** What the server of the candidate does. Default: it takes connections, and answers every message. */
export interface Candidate {
  opens?: () => boolean;
  answers?: (message: Outgoing) => Answer | undefined;
}

export const VERIFY_MS = 60_000;
const CAN = ["acceptsOpAMPConnectionSettings", "reportsConnectionSettingsStatus", "acceptsRemoteConfig"] as const;

/** An agent between the server that it has and one that it is moved to. */
export class Moving extends Harness {
  #lastUse: "committed" | "candidate" = "committed";
  /** The server that is in force: the old one, until the candidate is accepted. */
  #committed = "old";

  constructor(candidate: Candidate = {}, script: Script = {}, maxPerHour = 6) {
    super({
      host: handles,
      ...script,
      can: [...CAN, ...(script.can ?? [])],
      config: {
        offers: [remoteConfig, connectionSettings],
        settings: { verifyMs: VERIFY_MS, maxPerHour },
        ...script.config,
      },
      opens: () => (this.at === "new" ? (candidate.opens?.() ?? true) : (script.opens?.() ?? true)),
      answers: (message) => named((this.at === "new" ? candidate : script).answers ?? acknowledges)(message),
    });
  }

  /** The server that was dialled last. */
  get at(): string {
    const use = this.all("dial").at(-1)?.output.use ?? this.#lastUse;
    return use === "candidate" ? "new" : this.#committed;
  }

  override clear(): void {
    this.#lastUse = this.all("dial").at(-1)?.output.use ?? this.#lastUse;
    super.clear();
  }

  /** The store has saved what it was asked to last, which may be that the candidate was accepted. */
  override persisted(error?: string): void {
    const change = this.all("persist").at(-1)?.output.change;
    if (change?.what === "settings" && change.step === "accepted") this.#committed = "new";
    super.persisted(error);
  }

  /** Offers settings, which the host wants tried at once. */
  offer(first = 1): number {
    this.receive(settings(first));
    const id = this.all("apply").at(-1)?.output.id ?? 0;
    this.feed({ type: "switch", id });
    return id;
  }

  /** The same, and the store has kept the candidate. */
  try(first = 1): number {
    const id = this.offer(first);
    this.persisted();
    return id;
  }

  get switched(): readonly Extract<Output, { type: "switched" }>[] {
    return this.all("switched").map(({ output }) => output);
  }

  /** Where the offers stand that the servers were told of, in order. */
  get told(): readonly string[] {
    return this.sent.flatMap(({ connectionSettingsStatus: status }) => status?.status ?? []);
  }

  get uses(): readonly string[] {
    return this.all("dial").map(({ output }) => output.use);
  }

  get steps(): readonly string[] {
    return this.persisting.flatMap((change) => (change.what === "settings" ? change.step : []));
  }
}

/** Servers that name the agent in each answer. */
function named(answers: NonNullable<Candidate["answers"]>): NonNullable<Candidate["answers"]> {
  return (message) => {
    const answer = answers(message);
    return answer && Object.assign(acknowledges(), answer);
  };
}

/** A host without other connections is done once the connection is moved, or is not. */
function handles(output: Output): Input | undefined {
  if (output.type !== "switched") return undefined;
  const { id, failed } = output;
  const ended = { type: "handled", kind: "connectionSettings", id } as const;
  return failed === undefined ? ended : { ...ended, error: failed.text ?? failed.why };
}

export function settings(first: number): Answer {
  return { connectionSettings: { hash: hash(first), opamp: { destinationEndpoint: `wss://new/${first}` } } };
}

/** Such an agent, online and told nothing yet. */
export function moving(candidate?: Candidate, script?: Script, maxPerHour?: number): Moving {
  const harness = new Moving(candidate, script, maxPerHour);
  const parts = { agentDescription: description("one"), health: health(true) };
  harness.feed({ type: "set", parts }, { type: "start" });
  if (harness.core.phase !== "online") throw new Error(`the link is ${harness.core.phase}`);
  harness.clear();
  return harness;
}

/** Such an agent that goes on with what an earlier process left. */
export function resumed(left: Resumed, candidate?: Candidate, script?: Script): Moving {
  const harness = new Moving(candidate, script);
  harness.feed({ type: "set", parts: { agentDescription: description("one") } }, { type: "start", resume: left });
  return harness;
}
