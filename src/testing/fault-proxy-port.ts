import { createServer, type Server, type Socket } from "node:net";
import { listenOn } from "../server/listen/listener.js";

/** Where connections come in: listens on one port of 127.0.0.1, and does so again after it has not. */
export class FaultProxyPort {
  port: number;
  /** How many were accepted just to be reset. */
  refused = 0;
  readonly #accepted: (socket: Socket) => void;
  readonly #refusedOne: () => void;
  #server: Server | undefined;
  #opening: Promise<void> | undefined;
  readonly #keepAlive: boolean;
  #isShut = false;
  #resetsAll = false;

  /** @param options `port`: 0 for any that is free; `keepAlive`: whether it keeps the process alive */
  constructor(
    { port, keepAlive }: { port: number; keepAlive: boolean },
    accepted: (socket: Socket) => void,
    refusedOne: () => void,
  ) {
    this.port = port;
    this.#keepAlive = keepAlive;
    this.#accepted = accepted;
    this.#refusedOne = refusedOne;
  }

  /** How new connections are turned away, in words; undefined where they are taken. */
  get turnsAway(): string | undefined {
    if (this.#resetsAll) return "accepted and reset";
    return this.#isShut ? "refused" : undefined;
  }

  /** Takes connections. Rejects with ERR_OPAMP_OPTION if it cannot listen there. */
  async open(): Promise<void> {
    this.#isShut = false;
    this.#resetsAll = false;
    if (this.#server !== undefined) return;
    this.#opening ??= this.#listen().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** Turns connections away: because nothing listens, or by a reset. */
  shut(how: "closed" | "reset"): void {
    this.#resetsAll = how === "reset";
    if (how === "reset") return;
    this.#isShut = true;
    this.#server?.close();
    this.#server = undefined;
  }

  /** Listens no more. The connections that came in are not waited for. */
  async close(): Promise<void> {
    this.shut("closed");
    await this.#opening?.catch(() => undefined);
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.port = await listenOn(server, { host: "127.0.0.1", port: this.port }, `port ${this.port}`);
    if (!this.#keepAlive) server.unref();
    if (this.#isShut) server.close();
    else this.#server = server;
  }

  #accept(socket: Socket): void {
    if (!this.#keepAlive) socket.unref();
    if (!this.#resetsAll) {
      this.#accepted(socket);
      return;
    }
    this.refused += 1;
    socket.on("error", () => undefined).resetAndDestroy();
    this.#refusedOne();
  }
}
