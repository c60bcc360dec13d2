import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { AgentToServer, ComponentHealth } from "../../../src/proto/index.js";
import { OpAMPServer, type ServerAgent, type ServerTlsOptions, type TlsPeer } from "../../../src/testing/index.js";
import type { TransportName } from "../fixture.js";
import { collectorFile, type FileChanges, type HealthTree, healthOf } from "./collector-config.js";
import { type ProgramName, type Running, type RunOptions, startProgram } from "./collector-program.js";

/** What a program is put through, in this order. */
export const chapters = [
  "start",
  "askedForAll",
  "askedForComponents",
  "offeredHeartbeat",
  "restart",
  "newUid",
  "askedUnderNewUid",
  "end",
] as const;
export type ChapterName = (typeof chapters)[number];

/** A message as it came. */
export interface Received {
  message: AgentToServer;
  /** The number of the TCP connection. */
  connection: number;
}

/** Headers as they came, by their names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** All that a server saw of a program. */
export interface Observation {
  program: ProgramName;
  transport: TransportName;
  endpoint: string;
  file: ReturnType<typeof collectorFile>;
  /** What it was when the program was restarted. */
  fileAtRestart: ReturnType<typeof collectorFile>;
  messages: Readonly<Record<ChapterName, readonly Received[]>>;
  /** The headers of every upgrade or POST. */
  headers: readonly Headers[];
  /** From each poll to the next, in milliseconds, while the program had nothing to say. */
  pollGapsMs: readonly number[];
  /** Of the TLS session, where there was one. */
  tls: TlsPeer | undefined;
  exitCode: number | null;
}

/** One run of a program. */
export interface Run {
  program: ProgramName;
  transport: TransportName;
  /** Of the server. */
  tls?: ServerTlsOptions;
  changes?: FileChanges;
  options?: RunOptions;
  /** The whole of it, or just what is said of the agent, and the end. */
  whole: boolean;
}

/** What is given to both as their new uid. */
export const NEW_UID = "01890a5d-ac96-774b-bcce-b302099a8057";
const WAIT_MS = 15_000;
/** Longer than the heartbeat that is offered. */
const QUIET_MS = 1_300;
const SHORT_QUIET_MS = 300;
const POLLS = 5;

/** Starts a server that takes down the headers it is shown; it ends with the test. */
export async function startWatchedServer(tls?: ServerTlsOptions): Promise<{ server: OpAMPServer; headers: Headers[] }> {
  const headers: Headers[] = [];
  const server = await OpAMPServer.start({
    ...(tls && { tls }),
    onConnect({ headers: shown }) {
      headers.push(Object.fromEntries(Object.entries(shown).map(([name, value = ""]) => [name, String(value)])));
      return undefined;
    },
  });
  onTestFinished(() => server.close());
  return { server, headers };
}

/** Where a server is reached. */
export function endpointOf(server: OpAMPServer, transport: TransportName): string {
  return transport === "ws" ? server.url : server.httpUrl;
}

/** Puts a program through everything, and takes down what it says. */
export async function observe({ program, transport, tls, changes, options, whole }: Run): Promise<Observation> {
  const { server, headers } = await startWatchedServer(tls);
  const endpoint = endpointOf(server, transport);
  const file = collectorFile(transport, endpoint, changes);
  const fileAtRestart = withAttribute(file, "changed", "yes");
  const running = startProgram(program, file, options);
  const script = new Script(server, running, file);
  await script.chapter("start", () => script.untilComplete());
  await script.chapter("askedForAll", () => script.askForAll());
  if (isOn(file, "reports_available_components")) await script.chapter("askedForComponents", () => script.askForMap());
  if (whole) {
    await script.chapter("offeredHeartbeat", () => script.heartbeat(transport));
    running.rewrite(fileAtRestart);
    await script.chapter("restart", () => script.restart());
    await script.chapter("newUid", () => script.rename());
    await script.chapter("askedUnderNewUid", () => script.askForAll());
  }
  await script.chapter("end", async () => {
    running.signal("SIGTERM");
    await running.ended;
  });
  const { messages, pollGapsMs } = script;
  const peer = script.agent().link?.tls;
  return {
    program,
    transport,
    endpoint,
    file,
    fileAtRestart,
    messages,
    headers,
    pollGapsMs,
    tls: peer,
    exitCode: await running.ended,
  };
}

/** The same file, with another attribute of the agent in it. */
function withAttribute(file: Observation["file"], name: string, value: string): Observation["file"] {
  const { opamp } = file.extensions;
  const changed = { ...opamp, agent_description: { non_identifying_attributes: { [name]: value } } };
  return { ...file, extensions: { ...file.extensions, opamp: changed } };
}

/** Whether a capability that is on by default is on. */
export function isOn(file: ReturnType<typeof collectorFile>, name: string): boolean {
  const { opamp }: { opamp: Readonly<Record<string, unknown>> } = file.extensions;
  const { [name]: given = true } = (opamp["capabilities"] ?? {}) as Readonly<Record<string, unknown>>;
  return given === true;
}

class Script {
  readonly messages: Record<ChapterName, readonly Received[]>;
  pollGapsMs: readonly number[] = [];
  readonly #server: OpAMPServer;
  readonly #running: Running;
  readonly #file: ReturnType<typeof collectorFile>;
  #from = 0;

  constructor(server: OpAMPServer, running: Running, file: ReturnType<typeof collectorFile>) {
    this.#server = server;
    this.#running = running;
    this.#file = file;
    const none = chapters.map((name): [ChapterName, readonly Received[]] => [name, []]);
    this.messages = Object.fromEntries(none) as Record<ChapterName, readonly Received[]>;
  }

  async chapter(name: ChapterName, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (cause) {
      throw new Error(`${name}: the program got stuck; its log:\n${this.#running.log}`, { cause });
    }
    this.messages[name] = this.#since();
    this.#from = this.#server.log.length;
  }

  /** Until all that the file wants has been reported, and the program is healthy. */
  untilComplete(): Promise<unknown> {
    return this.#until(() => this.#isComplete(this.#since()));
  }

  askForAll(): Promise<unknown> {
    this.agent().requestFullState();
    return this.#until(() => this.#since().some(({ message }) => message.agentDescription !== undefined));
  }

  askForMap(): Promise<unknown> {
    this.agent().requestComponents();
    return this.#until(() => this.#since().some(({ message }) => hasMap(message)));
  }

  /** An offer that neither has asked for, and then time for what it would bring about. */
  async heartbeat(transport: TransportName): Promise<void> {
    const { length } = this.#server.attempts;
    this.agent().offerHeartbeat(1);
    if (transport === "ws") {
      await sleep(QUIET_MS);
      return;
    }
    await this.#until(() => this.#server.attempts.length > length + POLLS);
    const polls = this.#server.attempts.slice(length).map(({ atMs }) => atMs);
    this.pollGapsMs = polls.slice(1).map((atMs, index) => atMs - (polls[index] ?? atMs));
  }

  restart(): Promise<unknown> {
    this.agent().restart();
    return this.#until(() => this.#isComplete(afterRestart(this.#since())));
  }

  async rename(): Promise<void> {
    const agent = this.agent();
    agent.assignUid(Buffer.from(NEW_UID.replaceAll("-", ""), "hex"));
    // There may be nothing for the program to say.
    await agent.until(({ uidText }) => uidText === NEW_UID, { timeoutMs: QUIET_MS }).catch(() => undefined);
    await sleep(SHORT_QUIET_MS);
  }

  #isComplete(messages: readonly Received[]): boolean {
    const all = messages.map(({ message }) => message);
    const last = all.findLast(({ health }) => health !== undefined)?.health;
    const isHealthy = isHealthyThroughout(last, healthOf(this.#file));
    return (
      all.some((message) => message.agentDescription !== undefined) &&
      (isHealthy || !isOn(this.#file, "reports_health")) &&
      (all.some((message) => message.effectiveConfig !== undefined) || !isOn(this.#file, "reports_effective_config"))
    );
  }

  #since(): readonly Received[] {
    return this.#server.log.slice(this.#from).flatMap((entry) => (entry.direction === "in" ? [entry] : []));
  }

  /** The one that spoke last: after a restart it may be another. */
  agent(): ServerAgent {
    const last = this.#server.log.findLast(({ direction }) => direction === "in");
    if (last === undefined) throw new Error("nobody has spoken");
    return this.#server.agent(last.uid);
  }

  #until(isSo: () => boolean): Promise<unknown> {
    return this.#server.until(isSo, { timeoutMs: WAIT_MS });
  }
}

/** What a program says once it has started again; it begins with who it is. */
export function afterRestart(messages: readonly Received[]): readonly Received[] {
  const begin = messages.findIndex(({ message }) => message.agentDescription !== undefined);
  return begin < 0 ? [] : messages.slice(begin);
}

export function hasMap({ availableComponents }: AgentToServer): boolean {
  return Object.keys(availableComponents?.components ?? {}).length > 0;
}

/** The Collector calls itself healthy before its components are, and before it has told of each. */
function isHealthyThroughout(health: ComponentHealth | undefined, expected: HealthTree = {}): boolean {
  if (health?.healthy !== true || health.status === "") return false;
  const { componentHealthMap } = health;
  return (
    Object.entries(expected).every(([name, { components }]) =>
      isHealthyThroughout(componentHealthMap[name], components),
    ) && Object.values(componentHealthMap).every((inner) => isHealthyThroughout(inner))
  );
}
