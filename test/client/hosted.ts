import { onTestFinished } from "vitest";
import { OpAMPClient, type OpAMPClientOptions } from "../../src/index.js";
import {
  memoryTransport,
  OpAMPServer,
  type OpAMPServerOptions,
  type VirtualClock,
  virtualClock,
} from "../../src/testing/index.js";

/** What reached the process instead of the client's host. */
export function escapes(): unknown[] {
  const escaped: unknown[] = [];
  const note = (thrown: unknown): void => void escaped.push(thrown);
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  onTestFinished(() => {
    process.off("unhandledRejection", note);
    process.off("uncaughtException", note);
  });
  return escaped;
}

/** A client on virtual time, its server, and whatever it complained of. */
export async function hosted(options: Partial<OpAMPClientOptions> = {}, serverOptions: OpAMPServerOptions = {}) {
  const server = await OpAMPServer.start(serverOptions);
  onTestFinished(() => server.close());
  const clock = virtualClock();
  const transport = memoryTransport(server);
  const client = new OpAMPClient({
    transport,
    clock,
    random: () => 0,
    description: { identifying: { "service.name": "guest" } },
    ...options,
  });
  onTestFinished(() => ended(client, clock));
  const escaped = escapes();
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  return { server, clock, transport, client, escaped, errors, agent: server.agent(client.instanceUid) };
}

/** The same, with the first report answered. */
export async function running(options: Partial<OpAMPClientOptions> = {}, serverOptions: OpAMPServerOptions = {}) {
  const host = await hosted(options, serverOptions);
  host.client.start();
  await host.clock.advance(0);
  return host;
}

/** Stops a client, with as much time as that takes. */
export async function ended(client: OpAMPClient, clock: VirtualClock): Promise<void> {
  const stopped = client.stop();
  await clock.advance(60_000);
  await stopped;
}

/** What JavaScript lets people throw. */
export const throwables: readonly [string, () => unknown, string][] = [
  ["an error", () => new Error("plain"), "plain"],
  ["a text", () => "just text", "just text"],
  ["nothing", () => undefined, "failed without a message"],
  ["null", () => null, "failed without a message"],
  ["an error without a message", () => new Error(""), "failed without a message"],
  ["blank text", () => " \n", "failed without a message"],
  ["a symbol", () => Symbol("odd"), "Symbol(odd)"],
  ["an object without a prototype", () => Object.create(null), "unknown"],
  [
    "an object that cannot be shown",
    () => ({
      toString() {
        throw new Error("inner");
      },
    }),
    "unknown",
  ],
  ["an error whose message is not text", () => Object.assign(new Error("x"), { message: 42 }), "42"],
  [
    "an error whose message throws",
    () =>
      Object.defineProperty(new Error("x"), "message", {
        get() {
          throw new Error("inner");
        },
      }),
    "unknown",
  ],
  ["an error with a text that is not Unicode", () => new Error("half \ud800 a pair"), "half \ufffd a pair"],
];
