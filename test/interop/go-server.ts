import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { create, fromJson, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { type AgentToServer, AgentToServerSchema, ServerToAgentSchema } from "../../src/gen/opamp/v1/opamp_pb.js";

const program = fileURLToPath(new URL("bin/server", import.meta.url));
const STDERR_KEPT_CHARS = 4_000;
const LAST_EVENTS_SHOWN = 12;

/** What a test has the server send. */
export type ServerToAgentInit = MessageInitShape<typeof ServerToAgentSchema>;

/** An AgentToServer that reached the server, decoded by Go and handed over as protobuf JSON. */
export interface MessageEvent {
  event: "message";
  /** When, in microseconds: one time for all servers of a machine. */
  at: number;
  /** Which connection; over HTTP each request has a number of its own. */
  conn: number;
  transport: "ws" | "http";
  /** The 16 bytes as 32 lower-case hex digits. */
  uid: string;
  message: AgentToServer;
}

/** What the server says; `go/cmd/server/main.go` lists the events. */
export type GoEvent =
  | MessageEvent
  | { event: "listening"; port: number }
  | {
      event: "connecting";
      at: number;
      conn: number;
      transport: "ws" | "http";
      method: string;
      path: string;
      /** Names as Go spells them, `Opamp-Instance-Uid` for instance. */
      headers: Record<string, string>;
      /** The version, where there is TLS. */
      tls?: string;
      /** The subject of the client's certificate, where it showed one. */
      client?: string;
      /** The SHA-256 of that certificate, in lower-case hex digits. */
      fingerprint?: string;
    }
  | { event: "rejected"; conn: number; status: number }
  | { event: "connected"; conn: number; transport: "ws" | "http" }
  | { event: "cut"; conn: number }
  | { event: "readError"; conn: number; messageType: number; error: string; code?: number }
  | { event: "closed"; conn: number };

/** The events of one kind. */
export type GoEventOf<K extends GoEvent["event"]> = Extract<GoEvent, { event: K }>;

type GoAnswer =
  | { event: "done"; id: number }
  | { event: "error"; id: number; error: string }
  | ({ event: "issued"; id: number } & IssuedCertificate)
  | { event: "count"; id: number; cycles: number; messages: number };

/** What the server's authority issues, all of it PEM text. */
export interface IssuedCertificate {
  cert: string;
  /** Where the authority made it. */
  key?: string;
  ca: string;
}

/** A line as the server prints it: messages are still protobuf JSON. */
type Line = Exclude<GoEvent, MessageEvent> | (Omit<MessageEvent, "message"> & { message: JsonValue }) | GoAnswer;

/** How an event is awaited. */
export interface UntilOptions {
  /** Index in `events` of the first one that counts; 0 by default. */
  since?: number;
  /** When to give up, in milliseconds; 5 000 by default. */
  timeoutMs?: number;
}

/** Which agent a rule is for, `"*"` by default, and how many occasions it lasts: 1 by default, 0 for ever. */
export interface RuleOptions {
  uid?: string;
  times?: number;
}

/**
 * What happens instead of an answer: nothing (`skip`, the default; over HTTP an empty answer), nothing for as long as the
 * agent cares to wait (`hold`), or the end of the connection (`cut`).
 */
export interface SilentOptions extends RuleOptions {
  how?: "skip" | "hold" | "cut";
}

interface Waiter {
  look: () => void;
  reject: (reason: Error) => void;
}

interface Question {
  cmd: string;
  resolve: (answer: GoAnswer) => void;
  reject: (reason: Error) => void;
}

const running = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();

// A child whose parent is killed outright ends by itself, with its stdin.
process.on("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
});

/** An OpAMP server of the reference Go library in a child process, both transports on one port. */
export class GoServer {
  readonly #events: GoEvent[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<void>;
  readonly #waiters = new Set<Waiter>();
  readonly #questions = new Map<number, Question>();
  #lastId = 0;
  #stderr = "";
  #ended: Error | undefined;
  #port = 0;

  private constructor(args: readonly string[]) {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    // Writing to a child that is gone fails here; what was asked of it is refused by #end.
    child.stdin.on("error", () => {});
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_CHARS);
    });
    child.on("error", (cause) =>
      this.#end(new Error(`${program} does not start: run test/interop/build.ts first`, { cause })),
    );
    createInterface({ input: child.stdout }).on("line", (line) => this.#read(line));
    this.#exited = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#end(new Error(`the Go server ended with ${signal ?? `code ${code}`}\n${this.#stderr}`));
        resolve();
      });
    });
  }

  /** Starts a server on a free port of the loopback address; `args` are the flags of the program. */
  static async start(options: { args?: readonly string[] } = {}): Promise<GoServer> {
    const server = new GoServer(options.args ?? []);
    try {
      server.#port = (await server.until("listening")).port;
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** All events so far, oldest first. */
  get events(): readonly GoEvent[] {
    return this.#events;
  }

  get port(): number {
    return this.#port;
  }

  /** Where agents connect to. */
  url(scheme: "ws" | "http" | "wss" | "https"): string {
    return `${scheme}://127.0.0.1:${this.#port}/v1/opamp`;
  }

  /** The first event that fits, be it one that is already there or one to come. Rejects when time is up or the server ends. */
  until<K extends GoEvent["event"]>(
    kind: K,
    accepts: (event: GoEventOf<K>) => boolean = () => true,
    { since = 0, timeoutMs = 5_000 }: UntilOptions = {},
  ): Promise<GoEventOf<K>> {
    const fits = (event: GoEvent): event is GoEventOf<K> => event.event === kind;
    return new Promise((resolve, reject) => {
      let next = since;
      const settle = (how: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        how();
      };
      const waiter: Waiter = {
        reject: (reason) => settle(() => reject(reason)),
        look: () => {
          try {
            for (const event of this.#events.slice(next)) {
              next += 1;
              if (fits(event) && accepts(event)) {
                settle(() => resolve(event));
                return;
              }
            }
          } catch (thrown) {
            // Else it would surface in whatever read the line, and the test would only run out of time.
            waiter.reject(new Error(`the condition on "${kind}" failed`, { cause: thrown }));
          }
        },
      };
      const timer = setTimeout(() => {
        waiter.reject(new Error(`no "${kind}" that fits within ${timeoutMs} ms; ${this.#lastEvents()}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
      waiter.look();
      if (this.#ended !== undefined && this.#waiters.has(waiter)) {
        waiter.reject(this.#ended);
      }
    });
  }

  /** Merges `message` into the next answers. Over HTTP, and in a WebSocket's first answer, Go overwrites `customCapabilities`. */
  async reply(message: ServerToAgentInit, rule: RuleOptions = {}): Promise<void> {
    await this.#ask({ cmd: "reply", message: json(message), ...rule });
  }

  /** Sends `message` now over the WebSocket of one agent, or of all. Rejects if there is none. */
  async push(message: ServerToAgentInit, uid = "*"): Promise<void> {
    await this.#ask({ cmd: "push", message: json(message), uid });
  }

  /** Has an agent offered the remote config in `message`: at once, and with each answer until it reports the hash. */
  async want(message: ServerToAgentInit, uid: string): Promise<void> {
    await this.#ask({ cmd: "want", message: json(message), uid });
  }

  /** Cuts the WebSocket of one agent, or of all, without a Close frame. */
  async drop(uid = "*"): Promise<void> {
    await this.#ask({ cmd: "drop", uid });
  }

  /** Refuses the next upgrades and POSTs with an HTTP status. */
  async reject(status: number, options: { headers?: Record<string, string>; times?: number } = {}): Promise<void> {
    await this.#ask({ cmd: "reject", status, ...options });
  }

  /** Refuses with 401 what comes without these headers, from now on. */
  async require(headers: Record<string, string>): Promise<void> {
    await this.#ask({ cmd: "require", headers });
  }

  /** Answers the next certificate requests with `message` and a certificate. Needs an authority. */
  async sign(message: ServerToAgentInit, options: RuleOptions & { seconds?: number } = {}): Promise<void> {
    await this.#ask({ cmd: "sign", message: json(message), ...options });
  }

  /** Has the authority issue a client certificate: for a request, or for a name and with a key made there. */
  async issue(what: { csr: Uint8Array } | { name: string }, seconds = 3_600): Promise<IssuedCertificate> {
    const given = "csr" in what ? { csr: Buffer.from(what.csr).toString("base64") } : what;
    const answer = await this.#ask({ cmd: "issue", ...given, seconds });
    if (answer.event !== "issued") throw new Error(`issue was answered by ${answer.event}`);
    return answer;
  }

  /** Leaves the next messages unanswered. */
  async silent(rule: SilentOptions = {}): Promise<void> {
    await this.#ask({ cmd: "silent", ...rule });
  }

  /** Forgets what `reply`, `reject` and `silent` have laid down. */
  async clear(): Promise<void> {
    await this.#ask({ cmd: "clear" });
  }

  /** Turns offer cycles on or off; while on, there are no events. */
  async cycles(on: boolean): Promise<void> {
    await this.#ask({ cmd: "cycles", on });
  }

  /** Offer cycles completed and messages received so far. */
  async count(): Promise<{ cycles: number; messages: number }> {
    const answer = await this.#ask({ cmd: "count" });
    if (answer.event !== "count") {
      throw new Error(`count was answered by ${JSON.stringify(answer)}`);
    }
    return { cycles: answer.cycles, messages: answer.messages };
  }

  /** Ends the server, cutting whatever is connected. May be called again, and after it ended by itself. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 2_000);
    await this.#exited;
    clearTimeout(late);
  }

  /** Ends the server as a crash does. What it has printed is still read. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #ask(command: { cmd: string; [parameter: string]: JsonValue | undefined }): Promise<GoAnswer> {
    if (this.#ended !== undefined) {
      return Promise.reject(this.#ended);
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { cmd: command.cmd, resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }

  #read(text: string): void {
    const line: Line = JSON.parse(text);
    switch (line.event) {
      case "done":
      case "error":
      case "count":
      case "issued":
        this.#answer(line);
        return;
      case "message":
        this.#events.push({ ...line, message: fromJson(AgentToServerSchema, line.message) });
        break;
      default:
        this.#events.push(line);
    }
    for (const waiter of this.#waiters) {
      waiter.look();
    }
  }

  #answer(answer: GoAnswer): void {
    const question = this.#questions.get(answer.id);
    this.#questions.delete(answer.id);
    if (answer.event === "error") {
      question?.reject(new Error(`${question.cmd}: ${answer.error}`));
    } else {
      question?.resolve(answer);
    }
  }

  #end(reason: Error): void {
    running.delete(this.#child);
    this.#ended ??= reason;
    for (const waiting of [...this.#waiters, ...this.#questions.values()]) {
      waiting.reject(this.#ended);
    }
    this.#questions.clear();
  }

  #lastEvents(): string {
    const names = this.#events.slice(-LAST_EVENTS_SHOWN).map(({ event }) => event);
    return `the last of ${this.#events.length} events: ${names.join(", ") || "none"}`;
  }
}

function json(init: ServerToAgentInit): JsonValue {
  return toJson(ServerToAgentSchema, create(ServerToAgentSchema, init));
}
