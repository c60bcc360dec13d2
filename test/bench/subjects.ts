import { join } from "node:path";
import { cacheFolder, cacheOf, goFolder } from "./prepare.js";
import { Program } from "./program.js";
import type { Bench } from "./section.js";

export type Scheme = "ws" | "http";

/** Who is measured. */
export const subjectNames = [
  "ours",
  "earlier build",
  "bare ws",
  "bare undici",
  "bare protobuf",
  "Go client",
  "Elastic",
] as const;
export type SubjectName = (typeof subjectNames)[number];

/** How a crowd is to behave. */
export interface CrowdOptions {
  clients?: number;
  heartbeatMs?: number;
  /** Takes remote configuration. */
  apply?: boolean;
  /** Flags for Node; the Go client has none. */
  nodeFlags?: readonly string[];
}

const FILES = {
  ours: "ours.js",
  "earlier build": "ours.js",
  "bare ws": "bare-websocket.js",
  "bare undici": "bare-undici.js",
  "bare protobuf": "bare-protobuf.js",
  Elastic: "elastic.js",
} as const;

/** What shows how fast a transport can be with no client on top. */
export function limitOf(scheme: Scheme): SubjectName {
  return scheme === "ws" ? "bare ws" : "bare undici";
}

/** The earlier build, where there is one to measure. */
export function earlierIn({ earlier }: Bench): SubjectName[] {
  return earlier === undefined ? [] : ["earlier build"];
}

/** Who ours is set against over a transport. */
export function peersOf(bench: Bench, scheme: Scheme): SubjectName[] {
  return [...earlierIn(bench), limitOf(scheme), ...(bench.withGo ? (["Go client"] as const) : [])];
}

/** Whom a profile of ours is laid beside. */
export function profiledBeside({ earlier }: Bench, scheme: Scheme): SubjectName {
  return earlier === undefined ? limitOf(scheme) : "earlier build";
}

/** Starts the agents of a subject. */
export function startCrowd(bench: Bench, subject: SubjectName, url: string, options: CrowdOptions = {}): Program {
  const { clients = 1, heartbeatMs = 30_000, apply = false, nodeFlags = [] } = options;
  const flags = [`--url=${url}`, `--clients=${clients}`, `--heartbeat=${heartbeatMs}ms`, ...(apply ? ["--apply"] : [])];
  if (subject === "Go client") return new Program(join(goFolder, "client"), flags);
  const folder = subject === "earlier build" && bench.earlier !== undefined ? cacheOf(bench.earlier) : cacheFolder;
  return new Program(process.execPath, [...nodeFlags, join(folder, FILES[subject]), ...flags]);
}

/** What a server has seen so far. */
export interface Count {
  cycles: number;
  messages: number;
}

/** The server that all subjects of a measurement talk to: the Go one, or ours where there is no Go. */
export class Server {
  readonly #program: Program;
  readonly #port: number;
  #lastId = 0;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.#port = port;
  }

  static async start(withGo: boolean, { cycles = false } = {}): Promise<Server> {
    const flags = ["--quiet", ...(cycles ? ["--cycles"] : [])];
    const program = withGo
      ? new Program(join(goFolder, "server"), flags)
      : new Program(process.execPath, [join(cacheFolder, "opamp-server.js"), ...flags]);
    const { port } = await program.next("listening");
    return new Server(program, port);
  }

  url(scheme: Scheme): string {
    return `${scheme}://127.0.0.1:${this.#port}/v1/opamp`;
  }

  async count(): Promise<Count> {
    this.#lastId += 1;
    return this.#program.ask(JSON.stringify({ id: this.#lastId, cmd: "count" }), "count");
  }

  async stop(): Promise<void> {
    await this.#program.kill();
  }
}
