import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer, type TlsOptions as ServerOptions, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { type Dialling, dial } from "../../src/transport/dial.js";
import type { DialSettings } from "../../src/transport/settings/settings.js";
import { type Listening, listenForTest } from "../end-to-end/proxies/listening.js";
import { Arrivals } from "./arrivals.js";

/** A TLS server that says nothing over TLS. */
export interface TlsServer extends Listening {
  /** Connections whose handshake succeeded on this side. */
  secured: Arrivals<TLSSocket>;
}

export async function startTls(options: ServerOptions): Promise<TlsServer> {
  const secured = new Arrivals<TLSSocket>();
  const server = createServer(options, (socket) => {
    socket.on("error", () => undefined);
    secured.push(socket);
  });
  server.on("tlsClientError", () => undefined);
  return { ...(await listenForTest(server)), secured };
}

/** A server that takes bytes, and answers them if told to. */
export async function startPlain(answer: (socket: Socket, bytes: Buffer) => void = () => {}): Promise<Listening> {
  return listenForTest(createTcpServer((socket) => void socket.on("data", (bytes) => answer(socket, bytes))));
}

/** Starts a dial, which ends with the test. */
export function dialling(url: string, settings: Partial<DialSettings> = {}): Dialling {
  const started = dial(new URL(url), { tls: undefined, proxy: false, keepAlive: false, ...settings });
  onTestFinished(() => started.destroy());
  return started;
}

/** The socket of a dial, which ends with the test. */
export function dialled(url: string, settings: Partial<DialSettings> = {}): Promise<Socket> {
  return dialling(url, settings).socket;
}

/** What a dial fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code: string }> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") {
      return Object.assign(thrown, { code: thrown.code });
    }
    throw thrown;
  }
  throw new Error("the dial did not fail");
}

/** What a dial fails with, which has to be one of our own errors. */
export async function refusalOf(promise: Promise<unknown>): Promise<OpAMPError> {
  const error: unknown = await failureOf(promise);
  if (error instanceof OpAMPError) return error;
  throw error;
}

/** Resolves when the peer has ended a connection. */
export async function gone(socket: Socket): Promise<void> {
  socket.resume();
  if (socket.destroyed || socket.readableEnded) return;
  // A server may leave its own side open after the peer's end.
  await new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
}
