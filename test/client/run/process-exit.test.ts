import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { testCertificates } from "../../../src/testing/index.js";
import { startBlockingGateway } from "../../end-to-end/proxies/blocking-gateway.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { startSocksProxy } from "../../end-to-end/proxies/socks-proxy.js";
import { startServer } from "../../server/server-fixture.js";
import { freePort, startTcp } from "../../transport/raw-servers.js";
import { blackHole } from "./black-hole.js";
import { type GuestClient, type GuestOrders, type GuestReport, TWO_ADDRESSES } from "./guest-program.js";

const PROGRAM = join(import.meta.dirname, "guest-program.ts");

/** A process of its own with nothing in it but clients. */
class Guest {
  readonly reports: GuestReport[] = [];
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #exit: Promise<unknown[]>;
  #wake: (() => void) | undefined;
  #hasEnded = false;

  constructor(orders: GuestOrders) {
    const args = ["--import", "tsx", PROGRAM, JSON.stringify(orders)];
    this.#process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#exit = once(this.#process, "close");
    void this.#exit.then(() => {
      this.#hasEnded = true;
      this.#wake?.();
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      this.reports.push(JSON.parse(line) as GuestReport);
      this.#wake?.();
    });
    onTestFinished(() => void this.#process.kill("SIGKILL"));
  }

  /** Waits until it has said this so many times. */
  async said(report: Partial<GuestReport>, times = 1): Promise<void> {
    const wanted = Object.entries(report);
    const fits = (said: GuestReport): boolean =>
      wanted.every(([key, value]) => Object.entries(said).some(([k, v]) => k === key && v === value));
    while (this.reports.filter(fits).length < times) {
      if (this.#hasEnded) throw new Error(`it has ended, and has not said ${JSON.stringify(report)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes away what kept the process alive besides its clients. */
  letGo(): void {
    this.#process.stdin.end();
  }

  /** Its exit code once it has ended by itself. */
  async ended(): Promise<unknown> {
    return (await this.#exit)[0];
  }
}

for (const transport of ["ws", "http"] as const) {
  const library = { ws: "ws", http: "undici" }[transport];

  describe(`a process with clients over ${transport}`, () => {
    test(`exits when only they are left, in whatever phase, and has loaded only ${library}`, async () => {
      const server = await startServer();
      const mute = await startTcp();
      const guest = new Guest({
        clients: [
          { name: "online", url: transport === "ws" ? server.url : server.httpUrl },
          // Nothing listens at the first address of this host.
          { name: "second", url: `${transport}://two.addresses.test:${server.port}` },
          { name: "waiting", url: `${transport}://127.0.0.1:${await freePort()}` },
          { name: "unanswered", url: `${transport}://${mute.host}`, timeoutMs: 1_000 },
        ],
      });
      await guest.said({ name: "online", phase: "online" });
      await guest.said({ name: "second", phase: "online" });
      await guest.said({ name: "waiting", phase: "waiting" });
      await mute.heard.next();
      guest.letGo();
      expect(await guest.ended()).toBe(0);
      expect(guest.reports.at(0)).toEqual({ type: "imported", loaded: [] });
      expect(guest.reports.at(-1)).toEqual({ type: "exiting", loaded: [library] });
    });

    test("keeps running as long as one of them has keepAlive", async () => {
      const server = await startServer();
      const url = transport === "ws" ? server.url : server.httpUrl;
      const guest = new Guest({ clients: [{ name: "host", url, keepAlive: true }] });
      await guest.said({ phase: "online" });
      guest.letGo();
      const agent = await server.firstAgent();
      const sofar = agent.received.length;
      await agent.until(({ received }) => received.length >= sofar + 10);
      expect(guest.reports.some(({ type }) => type === "exiting")).toBe(false);
    });
  });
}

describe("a process with clients over TLS and proxies", () => {
  /** One for each way, and a server that all of them reach. */
  async function roundabout(keepAlive: boolean) {
    const { ca, server: tls } = await testCertificates();
    const [plain, secure] = [await startServer({ compression: true }), await startServer({ tls, compression: true })];
    const [http, https] = [await startHttpProxy(), await startHttpProxy({ tls })];
    const socks = await startSocksProxy();
    const gateway = await startBlockingGateway(plain.url, "strip");
    const via = ({ url }: { url: string }) => ({ tls: { ca }, proxy: { url }, compression: true });
    const clients = [
      { name: "wss", url: secure.url, options: { tls: { ca } } },
      { name: "https", url: secure.httpUrl, options: { tls: { ca } } },
      { name: "ws by http proxy", url: plain.url, options: via(http) },
      { name: "http by http proxy", url: plain.httpUrl, options: via(http) },
      { name: "wss by https proxy", url: secure.url, options: via(https) },
      { name: "https by https proxy", url: secure.httpUrl, options: via(https) },
      { name: "wss by socks proxy", url: secure.url, options: via(socks) },
      { name: "https by socks proxy", url: secure.httpUrl, options: via(socks) },
      { name: "auto", url: plain.url, options: { transport: "auto" } },
      { name: "auto behind a gateway", url: gateway.url("ws"), options: { transport: "auto" } },
    ].map((client) => ({ ...client, keepAlive }) as GuestClient);
    const heard = () => plain.agents.size + secure.agents.size;
    return { clients, heard };
  }

  test("exits when only they are left", async () => {
    const { clients } = await roundabout(false);
    const guest = new Guest({ clients });
    for (const { name } of clients) await guest.said({ name, phase: "online" });
    guest.letGo();
    expect(await guest.ended()).toBe(0);
    expect(guest.reports.at(-1)?.type).toBe("exiting");
  });

  test("lives until each of them has its connection, with nothing else to live for", async () => {
    const { clients, heard } = await roundabout(false);
    // A process for each, or one would live for another.
    const guests = clients.map((client) => new Guest({ clients: [client] }));
    for (const guest of guests) guest.letGo();
    for (const guest of guests) expect(await guest.ended()).toBe(0);
    for (const [at, { name }] of clients.entries()) {
      expect(guests[at]?.reports).toContainEqual({ type: "phase", name, phase: "reporting" });
    }
    expect(heard()).toBe(clients.length);
  });

  test("exits when they are stopped, even with keepAlive", async () => {
    const { clients } = await roundabout(true);
    const guest = new Guest({ clients, stop: true });
    for (const { name } of clients) await guest.said({ name, phase: "online" });
    guest.letGo();
    expect(await guest.ended()).toBe(0);
    for (const { name } of clients) await guest.said({ name, phase: "stopped" });
  });
});

describe("a process in which something waits for a connection", () => {
  test.each(["ws", "http"] as const)("lives until there is one over %s, through failed attempts", async (transport) => {
    const port = await freePort();
    const url = `${transport}://127.0.0.1:${port}/v1/opamp`;
    const guest = new Guest({ clients: [{ name: "late", url, backoffMs: 50, awaited: true }] });
    await guest.said({ name: "late", phase: "waiting" });
    guest.letGo();
    await guest.said({ name: "late", phase: "waiting" }, 3);
    await startServer({ port });
    expect(await guest.ended()).toBe(0);
    expect(guest.reports).toContainEqual({ type: "connected", name: "late" });
  });
});

describe("a process in which a custom message is pending", () => {
  const CAPABILITY = "com.example.note/v1";

  test.each(["ws", "http"] as const)(
    "lives until it has arrived over %s, with nothing else to live for",
    async (to) => {
      const server = await startServer({ customCapabilities: [CAPABILITY] });
      const url = to === "ws" ? server.url : server.httpUrl;
      const guest = new Guest({ clients: [{ name: "sender", url, notes: CAPABILITY }] });
      guest.letGo();
      expect(await guest.ended()).toBe(0);
      expect(guest.reports).toContainEqual({ type: "delivered", name: "sender" });
    },
  );

  test.each(["ws", "http"] as const)("exits over %s when the server does not announce its capability", async (to) => {
    const server = await startServer({ customCapabilities: [] });
    const url = to === "ws" ? server.url : server.httpUrl;
    const guest = new Guest({ clients: [{ name: "sender", url, notes: CAPABILITY }] });
    guest.letGo();
    expect(await guest.ended()).toBe(0);
    expect(guest.reports.map(({ type }) => type)).not.toContain("delivered");
  });

  test("exits when there is no server", async () => {
    const url = `ws://127.0.0.1:${await freePort()}`;
    const guest = new Guest({ clients: [{ name: "sender", url, notes: CAPABILITY }] });
    guest.letGo();
    expect(await guest.ended()).toBe(0);
    await guest.said({ phase: "waiting" });
  });
});

describe("a process with clients in the middle of a dial", () => {
  /** One over each transport, at a host whose addresses both keep silent. */
  async function dialling(options: Omit<GuestClient, "name" | "url">): Promise<GuestClient[]> {
    const host = `two.addresses.test:${await blackHole()}`;
    return ["ws", "http"].map((name) => ({ name, url: `${name}://${host}`, ...options }));
  }

  test("stays alive no longer than their time limits", async () => {
    const guest = new Guest({ clients: await dialling({ timeoutMs: 500 }) });
    guest.letGo();
    expect(await guest.ended()).toBe(0);
    for (const name of ["ws", "http"]) await guest.said({ name, phase: "waiting" });
  });

  test("exits when they are stopped, even with keepAlive", async () => {
    const guest = new Guest({ clients: await dialling({ keepAlive: true }), stop: true });
    await guest.said({ type: "attempt", address: TWO_ADDRESSES[1] }, 2);
    guest.letGo();
    expect(await guest.ended()).toBe(0);
    for (const name of ["ws", "http"]) await guest.said({ name, phase: "stopped" });
  });
});
