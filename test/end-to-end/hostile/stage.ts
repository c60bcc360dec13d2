import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Waits } from "../../../src/server/waits.js";
import { type MessageHook, OpAMPServer, type TestCertificate } from "../../../src/testing/index.js";

/** How messages travel. */
export type Carrier = "WebSocket" | "HTTP";

/** What a server does to a TCP connection; it calls `heard` for each message that comes over it. */
export type Conduct = (socket: Socket, heard: () => void) => void;

/** All that can be wrong with a server. */
export interface Hostility {
  /** What becomes of TCP connections, in place of OpAMP. */
  conduct?: Conduct | undefined;
  /** What an OpAMP server is told to do wrong. */
  orders?: ((server: OpAMPServer) => void) | undefined;
  /** What it adds to its answers. */
  reply?: MessageHook | undefined;
}

/** Takes what is to be done when the test has ended; tests that run side by side each have their own. */
export type AtEnd = (end: () => void | Promise<void>) => void;

/** How a stage is set up. */
export interface StageOptions {
  /** What it shows when it speaks TLS, which it does on all connections or on none. */
  tls?: TestCertificate | undefined;
}

/** The custom capability that both sides know. */
export const CUSTOM = "com.example.hostile";

/** One port with a server behind it that is hostile until it is healed. It ends with the test. */
export class Stage {
  readonly server: OpAMPServer;
  readonly #front: Server;
  readonly #secure: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #waits = new Waits(() => [`stage: ${this.connections} connections, ${this.messages} messages`]);
  #hostility: Hostility = {};
  #acceptedAt: number[] = [];
  #heardAt: number[] = [];

  private constructor(server: OpAMPServer, secure: boolean) {
    this.server = server;
    this.#secure = secure;
    this.#front = createServer((socket) => this.#accept(socket));
  }

  static async start(atEnd: AtEnd, { tls }: StageOptions = {}): Promise<Stage> {
    const server = await OpAMPServer.start({
      customCapabilities: [CUSTOM],
      keepMessages: 10,
      onMessage: (agent, message) => stage.#reply(agent, message),
      ...(tls && { tls }),
    });
    const stage = new Stage(server, tls !== undefined);
    await once(stage.#front.listen(0, "127.0.0.1"), "listening");
    atEnd(async () => {
      stage.#front.close();
      stage.cut();
      await server.close();
    });
    return stage;
  }

  /** How many TCP connections came since the server turned hostile. */
  get connections(): number {
    return this.#acceptedAt.length;
  }

  /** How many messages came since the server turned hostile. */
  get messages(): number {
    return this.#heardAt.length;
  }

  /** When connections came, in milliseconds. */
  get acceptedAt(): readonly number[] {
    return this.#acceptedAt;
  }

  /** When messages came, in milliseconds. */
  get heardAt(): readonly number[] {
    return this.#heardAt;
  }

  url(carrier: Carrier): string {
    const scheme = { WebSocket: "ws", HTTP: "http" }[carrier];
    const { port } = this.#front.address() as AddressInfo;
    return `${scheme}${this.#secure ? "s" : ""}://127.0.0.1:${port}/v1/opamp`;
  }

  turnHostile(hostility: Hostility): void {
    this.#acceptedAt = [];
    this.#heardAt = [];
    this.#hostility = hostility;
    hostility.orders?.(this.server);
  }

  /** Connections to come are treated well; those that are there stay as they are. */
  heal(): void {
    // What it said of itself before may have got lost.
    this.#hostility = { reply: () => ({ customCapabilities: { capabilities: [CUSTOM] } }) };
    this.server.behave();
  }

  /** Cuts all connections, as a server does that restarts. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves once that is so. */
  until(predicate: () => boolean): Promise<unknown> {
    return this.#waits.until({ name: "stage.until", method: this.until }, this, predicate, { timeoutMs: 8_000 });
  }

  /** Resolves once the other side has ended every connection. */
  async deserted(): Promise<void> {
    // A peer that does not read does not see the end.
    for (const socket of this.#sockets) socket.removeAllListeners("data").resume();
    await this.until(() => this.#sockets.size === 0);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.#acceptedAt.push(performance.now());
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#waits.check();
    });
    const { conduct } = this.#hostility;
    if (conduct === undefined) this.#lead(socket);
    else conduct(socket, () => this.#heard());
    this.#waits.check();
  }

  /** To the OpAMP server. */
  #lead(socket: Socket): void {
    const behind = connect({ port: this.server.port, host: "127.0.0.1", noDelay: true });
    socket.setNoDelay();
    behind.on("error", () => undefined);
    behind.on("close", () => socket.destroy());
    socket.on("close", () => behind.destroy());
    socket.pipe(behind).pipe(socket);
  }

  #heard(): void {
    this.#heardAt.push(performance.now());
    this.#waits.check();
  }

  #reply(...[agent, message]: Parameters<MessageHook>): ReturnType<MessageHook> {
    this.#heard();
    return this.#hostility.reply?.(agent, message);
  }
}
