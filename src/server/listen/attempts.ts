import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type InspectOptions, inspect } from "node:util";
import { shown } from "../../base/shown.js";
import type { TransportName } from "../link/link.js";

const SECRET = /auth|cookie|token|secret|password|api-?key|credential/i;

/** One try of an agent to get through: a WebSocket upgrade or a POST, however it ended. */
export class Attempt {
  readonly transport: TransportName;
  /** The number of the TCP connection, from 1 in the order they were accepted. */
  readonly connection: number;
  /** When the request's headers were there: milliseconds on the server's clock, `performance.now()` by default. */
  readonly atMs: number;
  /** The path asked for, without its query. */
  readonly path: string;
  readonly #headers: IncomingHttpHeaders;
  #response: ServerResponse | undefined;
  #status: number | undefined;

  constructor(transport: TransportName, connection: number, atMs: number, request: IncomingMessage) {
    this.transport = transport;
    this.connection = connection;
    this.atMs = atMs;
    this.path = pathOf(request);
    this.#headers = request.headers;
  }

  /** The status that it was answered with: 101 for an upgrade that succeeded, undefined before or without an answer. */
  get status(): number | undefined {
    return this.#response?.headersSent ? this.#response.statusCode : this.#status;
  }

  /** The request's headers by their names in lower case. Of those that carry credentials the value is `***`. */
  get headers(): Readonly<Record<string, string>> {
    const entries = Object.entries(this.#headers).flatMap(([name, value = ""]) =>
      name === "" ? [] : [[name, SECRET.test(name) ? "***" : String(value)] as const],
    );
    return Object.fromEntries(entries);
  }

  /** How `console.log` shows it. @internal */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { transport, connection, atMs, path, status, headers } = this;
    return shown("Attempt", { transport, connection, atMs, path, status, headers }, depth, options);
  }

  /** For the server: the answer's status is known. */
  answered(status: number): void {
    this.#status = status;
  }

  /** For the server: the status will be that of this response. */
  follow(response: ServerResponse): void {
    this.#response = response;
    response.once("close", () => {
      this.#status = this.status;
      this.#response = undefined;
    });
  }
}

/** The path of a request, without its query. */
export function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}
