import { type NetConnectOpts, Socket } from "node:net";
import { isObject, wrongKind } from "../base/checks.js";
import { isText, isWholeNumber } from "../base/rules.js";
import { OpAMPError } from "../errors.js";
import { hostOf } from "../transport/url/endpoint.js";
import type { Direction, Fault, StreamSetup, Trap } from "./fault-proxy-faults.js";
import { FaultyStream } from "./fault-proxy-stream.js";

/** One client's connection, and the one to the server that belongs to it. */
export class FaultyConnection {
  readonly streams: Readonly<Record<Direction, FaultyStream>>;
  /** Resolves when both ends are closed. */
  readonly closed: Promise<unknown>;
  readonly #client: Socket;
  readonly #server = new Socket({ allowHalfOpen: true });

  /**
   * @param client just accepted; it may be half open
   * @param target undefined for a connection whose very beginning is swallowed on its way to the server
   */
  constructor(
    client: Socket,
    target: NetConnectOpts | undefined,
    setups: Readonly<Record<Direction, StreamSetup>>,
    /** Whether it keeps the process alive. */
    keepAlive: boolean,
  ) {
    this.#client = client;
    if (!keepAlive) this.#server.unref();
    const up = new FaultyStream(setups.up, client, this.#server, this);
    const down = new FaultyStream(setups.down, this.#server, client, this);
    this.streams = { up, down };
    this.closed = Promise.all([watch(client, this.#server, up, down), watch(this.#server, client, down, up)]);
    if (target === undefined) {
      up.swallow();
      down.sourceGone();
    } else {
      this.#server.connect(target);
    }
  }

  /** Sets a trap, which counts from here. */
  arm(trap: Trap): void {
    for (const direction of trap.directions) this.streams[direction].arm(trap);
  }

  /** Does to the connection, or to these streams of it, what the fault is. */
  strike(fault: Fault, directions: readonly Direction[]): void {
    switch (fault) {
      case "cut":
        for (const stream of Object.values(this.streams)) stream.end();
        return;
      case "reset":
        this.#client.resetAndDestroy();
        this.#server.resetAndDestroy();
        this.#swallow();
        return;
      case "blackhole":
        for (const direction of directions) this.streams[direction].swallow();
        return;
      case "half-close":
        for (const direction of directions) this.streams[direction].end();
        return;
      case "corrupt":
        this.arm({ fault, directions, afterBytes: 0, timesLeft: 1, struck: new WeakSet() });
        return;
      default:
        fault satisfies never;
    }
  }

  /** Ends it at once. Resolves when both ends are closed. */
  async destroy(): Promise<void> {
    this.#swallow();
    destroy(this.#client);
    destroy(this.#server);
    await this.closed;
  }

  /** Ends what neither end waits for and neither end was told. */
  settle(): void {
    const { up, down } = this.streams;
    if (!up.over || !down.over || !(up.hidden || down.hidden)) return;
    destroy(this.#client);
    destroy(this.#server);
  }

  #swallow(): void {
    for (const stream of Object.values(this.streams)) stream.swallow();
  }
}

/** Tells the other end when this one fails, unless that is hidden from it. Resolves when this one is closed. */
function watch(socket: Socket, other: Socket, onwards: FaultyStream, backwards: FaultyStream): Promise<void> {
  return new Promise((resolve) => {
    const closed = (hasFailed: boolean): void => {
      if (other.pending && !other.connecting) other.destroy();
      else if (hasFailed && !onwards.hidden) other.resetAndDestroy();
      if (hasFailed) onwards.sourceGone();
      backwards.swallow();
      resolve();
    };
    socket.on("close", closed);
    socket.on("error", ({ syscall }: NodeJS.ErrnoException) => {
      // Where a reset fails, Node lets go of the socket and never says that it is closed.
      if (syscall === "reset") closed(true);
    });
  });
}

/** Ends a socket at once, but for one that is just being shut down: a reset that waits for that would fail. */
function destroy(socket: Socket): void {
  const { connecting, writableEnded, writableFinished, writableLength } = socket;
  const isShuttingDown = !connecting && writableEnded && !writableFinished && writableLength === 0;
  if (isShuttingDown) socket.once("finish", () => socket.destroy());
  else socket.destroy();
}

/**
 * Where connections of a `FaultProxy` go: a URL, or anything with a port, an `OpAMPServer` for instance.
 */
export type FaultProxyTarget =
  | string
  | URL
  | {
      /** Default: that of `url`, or 127.0.0.1. */
      readonly host?: string | undefined;
      /** The port. */
      readonly port: number;
      /** What `proxy.url` is made of. Default: none. */
      readonly url?: string | undefined;
    };

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "ws:": 80, "http:": 80, "wss:": 443, "https:": 443 };

/** Host, port and URL of a target. Throws ERR_OPAMP_OPTION for what has no port. */
export function targetOf(target: FaultProxyTarget): { host: string; port: number; url: string | undefined } {
  if (isObject(target) && !(target instanceof URL)) {
    const { port, url } = target;
    const { host = url === undefined ? "127.0.0.1" : hostOf(parse("target.url", url)) } = target;
    isText("target.host", host);
    isWholeNumber(1, 65_535)("target.port", port);
    return { host, port, url };
  }
  const url = parse("target", target);
  const host = hostOf(url);
  const port = url.port === "" ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (host === "" || port === undefined) throw wrongUrl("target", "names no host and port");
  return { host, port, url: url.href };
}

/** The URL with the proxy's host and port in place of its own. Throws ERR_OPAMP_OPTION for a value that is not a URL. */
export function throughProxy(of: string | URL | undefined, port: number): string {
  if (of === undefined) {
    throw new OpAMPError("ERR_OPAMP_OPTION", "url: the target of this fault proxy has none", {
      hint: "use proxy.urlFor(url), or give the target as a URL",
    });
  }
  const url = parse("url", of);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return url.href;
}

function parse(where: string, url: string | URL): URL {
  if (typeof url !== "string" && !(url instanceof URL)) throw wrongKind(where, "a URL, or an object with a port", url);
  try {
    return new URL(url);
  } catch (thrown) {
    throw wrongUrl(where, "is not a URL", thrown);
  }
}

function wrongUrl(where: string, what: string, cause?: unknown): OpAMPError {
  const hint = "give a URL such as ws://127.0.0.1:4320/v1/opamp";
  return new OpAMPError("ERR_OPAMP_OPTION", `${where}: ${what}`, { cause, hint });
}
