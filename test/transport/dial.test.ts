import dns from "node:dns";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { testCertificates } from "../../src/testing/certificates.js";
import type { DialSettings } from "../../src/transport/settings/settings.js";
import { startHttpProxy } from "../end-to-end/proxies/http-proxy.js";
import type { Listening } from "../end-to-end/proxies/listening.js";
import { startSocksProxy } from "../end-to-end/proxies/socks-proxy.js";
import { dialled, dialling, failureOf, gone, refusalOf, startPlain, startTls } from "./dial-fixture.js";
import { freePort } from "./raw-servers.js";

const authority = await testCertificates();
const TLS = { ca: authority.ca };

/** Where a dial can hang: who is dialled, and with what. */
interface Stage {
  url: string;
  settings?: Partial<DialSettings>;
  /** Where its connection arrives. */
  at: Listening;
  /** Comes when the stage is reached. */
  reached: Promise<unknown>;
}

const said = async ({ accepted }: Listening): Promise<Socket> => {
  const socket = await accepted.next();
  await once(socket, "data");
  return socket;
};

/** What the first connection of somebody who never answers has to say. */
async function silent(): Promise<Listening & { heard: Promise<Socket> }> {
  const at = await startPlain();
  return { ...at, heard: said(at) };
}

const stages: Readonly<Record<string, () => Promise<Stage>>> = {
  async "the TLS handshake"() {
    const at = await silent();
    return { url: `wss://127.0.0.1:${at.port}`, at, reached: at.heard };
  },
  async CONNECT() {
    const at = await startHttpProxy({ hang: true });
    const settings = { proxy: { url: `127.0.0.1:${at.port}` } };
    return { url: "wss://opamp.example.com", settings, at, reached: at.connects.next() };
  },
  async "the TLS handshake with the proxy"() {
    const at = await silent();
    const settings = { proxy: { url: `https://127.0.0.1:${at.port}` } };
    return { url: "wss://opamp.example.com", settings, at, reached: at.heard };
  },
  async "the TLS handshake in a tunnel inside TLS"() {
    const server = await silent();
    const at = await startHttpProxy({ tls: authority.server });
    const settings = { tls: TLS, proxy: { url: `https://127.0.0.1:${at.port}` } };
    return { url: `wss://127.0.0.1:${server.port}`, settings, at, reached: server.heard };
  },
  async "the SOCKS greeting"() {
    const at = await silent();
    return { url: "ws://opamp.example.com", settings: socks(at.port), at, reached: at.heard };
  },
  async "the SOCKS login"() {
    const at = await startSocksProxy({ auth: "joe:pw", hang: "login" });
    const settings = socks(at.port, "joe:pw@");
    return { url: "ws://opamp.example.com", settings, at, reached: at.logins.next() };
  },
  async "the SOCKS request"() {
    const at = await startSocksProxy({ hang: "request" });
    return { url: "ws://opamp.example.com", settings: socks(at.port), at, reached: at.targets.next() };
  },
};

/** Whatever was opened before comes before a connection that is opened now. */
async function nothingCame(at: Listening): Promise<void> {
  const { localPort } = await dialled(`ws://127.0.0.1:${at.port}`);
  expect((await at.accepted.next()).remotePort).toBe(localPort);
}

function socks(port: number, userinfo = ""): Partial<DialSettings> {
  return { proxy: { url: `socks5://${userinfo}127.0.0.1:${port}` } };
}

describe("a dial that is given up", () => {
  test.each(Object.entries(stages))("during %s closes what it has opened, and rejects", async (_title, arrange) => {
    const { url, settings, at, reached } = await arrange();
    const dial = dialling(url, settings);
    await reached;
    dial.destroy();
    expect((await refusalOf(dial.socket)).code).toBe("ERR_OPAMP_CLOSED");
    const [peer] = at.accepted.all;
    if (peer === undefined) throw new Error("nobody came");
    await gone(peer);
    expect(at.accepted.all).toHaveLength(1);
    dial.destroy();
  });

  test("while the name is looked up opens nothing afterwards", async () => {
    const at = await startPlain();
    const answers: (() => void)[] = [];
    vi.spyOn(dns, "lookup").mockImplementation(((
      _host: string,
      _options: object,
      done: (...found: unknown[]) => void,
    ) => {
      answers.push(() => done(null, [{ address: "127.0.0.1", family: 4 }]));
    }) as never);
    onTestFinished(() => void vi.restoreAllMocks());
    const dial = dialling(`ws://opamp.example.com:${at.port}`);
    await vi.waitUntil(() => answers.length > 0);
    dial.destroy();
    expect((await refusalOf(dial.socket)).code).toBe("ERR_OPAMP_CLOSED");
    for (const answer of answers) answer();
    await nothingCame(at);
  });

  test("before it begins opens nothing", async () => {
    const at = await startPlain();
    const dial = dialling(`ws://127.0.0.1:${at.port}`);
    dial.destroy();
    expect(await failureOf(dial.socket)).toBeInstanceOf(OpAMPError);
    await nothingCame(at);
  });

  test("after it succeeded closes the socket", async () => {
    const { port, secured } = await startTls(authority.server);
    const dial = dialling(`wss://127.0.0.1:${port}`, { tls: TLS });
    const socket = await dial.socket;
    const peer = await secured.next();
    dial.destroy();
    expect(socket.destroyed).toBe(true);
    await gone(peer);
  });

  test("without a handler causes no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    dialling(`ws://127.0.0.1:${await freePort()}`);
    dialling(`wss://127.0.0.1:${await freePort()}`).destroy();
    await failureOf(dialled(`ws://127.0.0.1:${await freePort()}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});

describe("a dial that fails", () => {
  test("passes on Node's error code", async () => {
    expect((await failureOf(dialled(`ws://127.0.0.1:${await freePort()}`))).code).toBe("ECONNREFUSED");
    const plain = await startPlain((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect((await failureOf(dialled(`wss://127.0.0.1:${plain.port}`))).code).toMatch(/ERR_SSL_|EPROTO/);
    const closing = await startPlain((socket) => socket.destroy());
    expect((await failureOf(dialled(`wss://127.0.0.1:${closing.port}`))).code).toBe("ECONNRESET");
  });

  test("closes the connections to the proxy, too", async () => {
    const closing = await startPlain((socket) => socket.destroy());
    const proxy = await startHttpProxy({ tls: authority.server });
    const settings = { tls: TLS, proxy: { url: `https://127.0.0.1:${proxy.port}` } };
    await failureOf(dialled(`wss://127.0.0.1:${closing.port}`, settings));
    await gone(await proxy.accepted.next());
  });
});

describe("an open connection", () => {
  /** How many connections keep this process alive on account of one socket. */
  function held(socket: Socket): number {
    const count = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    const before = count();
    socket.unref();
    return before - count();
  }

  test("keeps the process alive only if configured so, in a tunnel too", async () => {
    const server = await startTls(authority.server);
    const secure = await startHttpProxy({ tls: authority.server });
    const plain = await startSocksProxy();
    for (const proxy of [
      false,
      { url: `https://127.0.0.1:${secure.port}` },
      socks(plain.port).proxy ?? false,
    ] as const) {
      for (const keepAlive of [false, true]) {
        const socket = await dialled(`wss://127.0.0.1:${server.port}`, { tls: TLS, proxy, keepAlive });
        expect(held(socket)).toBe(keepAlive ? 1 : 0);
      }
    }
  });
});
