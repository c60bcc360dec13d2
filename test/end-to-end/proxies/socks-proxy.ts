import { createServer, type Socket } from "node:net";
import { Arrivals } from "../../transport/arrivals.js";
import { addressOf, type Listening, listenForTest, tunnel } from "./listening.js";

/** How a SOCKS proxy behaves; can be changed while it runs. */
export interface SocksProxyBehaviour {
  /** The login that it demands, as `user:password`. */
  auth?: string | undefined;
  /** Answers every request with this reply code (RFC 1928, 6) in place of a connection. */
  refuse?: number | undefined;
  /** Keeps silent from this step on. */
  hang?: "greeting" | "login" | "request" | undefined;
}

export interface SocksProxy extends Listening {
  /** Its URL, without credentials. */
  readonly url: string;
  /** The methods that each client offered. */
  readonly greetings: Arrivals<readonly number[]>;
  /** What it was asked to connect with, as `host:port`, refused or not. */
  readonly targets: Arrivals<string>;
  /** The logins that were tried, as `user:password`. */
  readonly logins: Arrivals<string>;
  behave(behaviour: SocksProxyBehaviour): void;
}

const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;
const NONE_OF_THEM = 0xff;
const HOST_UNREACHABLE = 4;

/**
 * A SOCKS 5 proxy, as far as clients that connect need one (RFC 1928, RFC 1929). Names lead to this machine, whatever they
 * are. It ends with the test.
 */
export async function startSocksProxy(behaviour: SocksProxyBehaviour = {}): Promise<SocksProxy> {
  const settings: SocksProxyBehaviour = { ...behaviour };
  const greetings = new Arrivals<readonly number[]>();
  const targets = new Arrivals<string>();
  const logins = new Arrivals<string>();

  async function serve(client: Socket): Promise<void> {
    const { auth, refuse, hang } = settings;
    const methods = await take(client, (await take(client, 2)).readUInt8(1));
    greetings.push([...methods]);
    if (hang === "greeting") return;
    const method = auth === undefined ? NO_LOGIN : LOGIN;
    if (!methods.includes(method)) return void client.end(Buffer.from([VERSION, NONE_OF_THEM]));
    client.write(Buffer.from([VERSION, method]));
    if (auth !== undefined) {
      const user = await take(client, (await take(client, 2)).readUInt8(1));
      const password = await take(client, (await take(client, 1)).readUInt8(0));
      const login = `${user}:${password}`;
      logins.push(login);
      if (hang === "login") return;
      if (login !== auth) return void client.end(Buffer.from([1, 1]));
      client.write(Buffer.from([1, 0]));
    }
    const target = await takeTarget(client);
    targets.push(target);
    if (hang === "request") return;
    if (refuse !== undefined) return void client.end(reply(refuse));
    tunnel(client, addressOf(target), {
      connected: () => void client.write(reply(0)),
      failed: () => void client.end(reply(HOST_UNREACHABLE)),
    });
  }

  const server = createServer((client) => {
    serve(client).catch(() => client.destroy());
  });
  const listening = await listenForTest(server);
  const url = `socks5://${listening.host}`;
  return { ...listening, url, greetings, targets, logins, behave: (change) => void Object.assign(settings, change) };
}

/** The request, as `host:port`. Throws for a command that is not CONNECT. */
async function takeTarget(client: Socket): Promise<string> {
  const [version, command, , type] = await take(client, 4);
  if (version !== VERSION || command !== 1) throw new Error("not a CONNECT of SOCKS 5");
  const host = await takeHost(client, type);
  return `${host}:${(await take(client, 2)).readUInt16BE()}`;
}

async function takeHost(client: Socket, type: number | undefined): Promise<string> {
  switch (type) {
    case 1:
      return [...(await take(client, 4))].join(".");
    case 3:
      return (await take(client, (await take(client, 1)).readUInt8(0))).toString();
    case 4: {
      const groups = (await take(client, 16)).toString("hex").match(/.{4}/g) ?? [];
      // In its short form, as URLs write it.
      return new URL(`tcp://[${groups.join(":")}]`).hostname;
    }
    default:
      throw new Error(`no type of address: ${type}`);
  }
}

function reply(code: number): Buffer {
  return Buffer.from([VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

/** Exactly this many bytes; what comes behind them stays with the socket. Rejects when they cannot come any more. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    const bytes: Buffer | null = socket.read(length);
    if (bytes !== null) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error("the client has gone");
    await new Promise<void>((resolve) => {
      const events = ["readable", "end", "close"];
      const wake = (): void => {
        for (const event of events) socket.off(event, wake);
        resolve();
      };
      for (const event of events) socket.on(event, wake);
    });
  }
}
