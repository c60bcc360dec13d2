import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Dialling } from "../dial.js";
import type { Loss, Sink } from "../transport.js";
import { WebSocketOutbox } from "./websocket-outbox.js";

/**
 * How far a dial has got: TCP and TLS under way; the upgrade asked for; answered, with 101 or something else; open.
 */
export type DialStage = "dialling" | "asked" | "answered" | "open";

/** One dial, over as many redirects as it takes: the sink it reports to, and whether that sink has heard the end. */
export interface Dial {
  sink: Sink;
  /** The connection that is being made. */
  dialling: Dialling | undefined;
  connection: Socket | undefined;
  socket: WebSocket | undefined;
  /** For as long as a large message is leaving. */
  outbox: WebSocketOutbox | undefined;
  url: URL;
  stage: DialStage;
  failure: unknown;
  /** The number in the last ping. */
  pings: number;
  /** Nothing whole has come since then. */
  isQuiet: boolean;
  over: boolean;
}

export function newDial(sink: Sink, url: URL): Dial {
  return {
    sink,
    dialling: undefined,
    connection: undefined,
    socket: undefined,
    outbox: undefined,
    url,
    stage: "dialling",
    failure: undefined,
    pings: 0,
    isQuiet: false,
    over: false,
  };
}

/** Sends a large message, and what follows while it is leaving, each in its turn. */
export function sendSlowly(dial: Dial, socket: WebSocket, message: Uint8Array, compress: boolean): void {
  dial.outbox ??= outboxOf(dial, socket);
  dial.outbox.send(message, compress);
}

/** Asks for a pong, which proves that what was sent before was read. */
export function pingOn(dial: Dial): void {
  const { socket, outbox } = dial;
  if (socket === undefined) return;
  // Listened for when first asked for, since most links never need it.
  if (socket.listenerCount("pong") === 0) watch(dial, socket);
  dial.pings += 1;
  dial.isQuiet = true;
  const data = String(dial.pings);
  if (outbox === undefined) return socket.ping(data);
  outbox.ping(data);
  // What it proves must wait for its turn; a sign of life must not.
  socket.ping();
}

/** Closes in good order, behind all that was sent. */
export function closeOn({ socket, outbox }: Dial, code: number, reason: string): void {
  if (outbox === undefined) socket?.close(code, reason);
  else outbox.close(code, reason);
}

/** Tells the end of the link, once. */
export function lose(dial: Dial, loss: Loss): void {
  if (dial.over) return;
  dial.over = true;
  dial.sink.lost(loss);
}

function watch(dial: Dial, socket: WebSocket): void {
  // Part of a large message proves life as well as a pong, which cannot overtake it.
  dial.connection?.on("data", () => {
    if (dial.isQuiet && !dial.over) dial.sink.progress();
    dial.isQuiet = false;
  });
  socket.on("ping", () => {
    if (!dial.over) dial.sink.alive();
  });
  // One that was not asked for, or is for an earlier ping, proves less.
  socket.on("pong", (data) => {
    dial.isQuiet = false;
    if (dial.over) return;
    if (data.toString() === String(dial.pings)) dial.sink.pong();
    else dial.sink.alive();
  });
}

function outboxOf(dial: Dial, socket: WebSocket): WebSocketOutbox {
  return new WebSocketOutbox(
    socket,
    () => {
      if (!dial.over) dial.sink.progress();
    },
    () => {
      dial.outbox = undefined;
    },
  );
}
