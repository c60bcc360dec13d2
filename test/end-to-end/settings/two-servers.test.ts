import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { OpAMPClient, type OpAMPClientOptions, type OpAMPSettingsPolicy } from "../../../src/index.js";
import { type OpAMPServer, type TestCertificates, testCertificates } from "../../../src/testing/index.js";
import { bytes, headers } from "../../client/connection-settings/offers.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import {
  APPLIED,
  APPLYING,
  FAILED,
  hears,
  offerFrom,
  PATIENCE,
  type WatchedServer,
  watchedServer,
} from "./watched-server.js";

type Kind = "url" | "httpUrl";

const KINDS: readonly (readonly [string, Kind])[] = [
  ["ws", "url"],
  ["http", "httpUrl"],
];
const MOVES = KINDS.flatMap(([from, fromKind]) => KINDS.map(([to, toKind]) => [from, to, fromKind, toKind] as const));

function agent(old: OpAMPServer, kind: Kind, policy: OpAMPSettingsPolicy = {}, more: Partial<OpAMPClientOptions> = {}) {
  const client = new OpAMPClient({
    url: old[kind],
    headers: [{ authorization: "Bearer bootstrap", "x-static": "own" }, () => ({ "x-made": "own" })],
    heartbeat: { intervalMs: 100, minMs: 100 },
    backoff: { minMs: 20, maxMs: 100 },
    description: { identifying: { "service.name": "moved" } },
    store: lastingStore(),
    connectionSettings: { opamp: { endpoints: ["127.0.0.1", "localhost"], allowCleartext: true, ...policy } },
    ...more,
  });
  onTestFinished(() => client.stop());
  client.start();
  return client;
}

type Answering = (response: ServerResponse) => void;

/** What a server says that knows nothing of OpAMP, and may be taken for an empty message. */
const NO_ANSWERS: readonly (readonly [string, "http" | "ws", Answering])[] = [
  ["204", "http", (response) => response.writeHead(204).end()],
  ["202", "http", (response) => response.writeHead(202).end()],
  ["an empty page", "http", (response) => response.writeHead(200, { "content-type": "text/html" }).end()],
  ["a zero byte", "ws", () => undefined],
];

/** A web server that answers each POST so, and each message on a WebSocket with a zero byte. @returns its port */
async function answering(answer: Answering): Promise<number> {
  const web = createServer((request, response) => {
    request.resume();
    answer(response);
  });
  new WebSocketServer({ server: web }).on("connection", (socket) => {
    socket.on("message", () => socket.send(Uint8Array.of(0)));
  });
  onTestFinished(() => {
    web.closeAllConnections();
    web.close();
  });
  await once(web.listen(0, "127.0.0.1"), "listening");
  return (web.address() as AddressInfo).port;
}

const bearer = (token: string) => headers(["Authorization", `Bearer ${token}`]);

describe.each(MOVES)("a move from %s to %s", (_from, _to, fromKind, toKind) => {
  verifies(
    ["CONN-07", "CONN-12", "CONN-13", "CERT-04"],
    "shows the new server the offered headers and none of the old ones, also after a restart",
    async () => {
      const [old, next] = await Promise.all([watchedServer(), watchedServer()]);
      const store = lastingStore();
      const client = agent(old, fromKind, {}, { store });
      await client.connected(PATIENCE);
      offerFrom(old, client, { destinationEndpoint: next[toKind], headers: bearer("offered") });
      await hears(next, client, APPLIED);
      await hears(old, client, APPLYING);
      await client.stop();
      const again = agent(old, fromKind, {}, { store });
      await again.connected(PATIENCE);
      expect(again.connection).toMatchObject({ state: "accepted", source: "server" });
      for (const headers of next.seen) {
        expect(headers).toMatchObject({ authorization: "Bearer offered" });
        expect([headers["x-static"], headers["x-made"]]).toEqual([undefined, undefined]);
      }
    },
  );

  verifies(
    "CONN-09",
    "that is refused with a 401 fails at once, with the reason, and the old headers are used again",
    async () => {
      const [old, next] = await Promise.all([watchedServer(), watchedServer({ onConnect: () => ({ status: 401 }) })]);
      const client = agent(old, fromKind);
      await client.connected(PATIENCE);
      offerFrom(old, client, { destinationEndpoint: next[toKind], headers: bearer("wrong") });
      expect(await hears(old, client, FAILED)).toMatch(/401/);
      expect(next.seen).toHaveLength(1);
      for (const headers of old.seen) expect(JSON.stringify(headers)).not.toContain("wrong");
      for (const headers of next.seen) expect(JSON.stringify(headers)).not.toMatch(/bootstrap|"own"/);
      expect(old.seen.at(-1)).toMatchObject({ authorization: "Bearer bootstrap", "x-made": "own" });
    },
  );
});

describe.each(KINDS)("an agent over %s", (_name, kind) => {
  test("has its token rotated on the server that it has, and goes on to ask its functions there", async () => {
    const old = await watchedServer();
    const client = agent(old, kind);
    await client.connected(PATIENCE);
    offerFrom(old, client, { headers: bearer("rotated") });
    await hears(old, client, APPLIED);
    const last = old.seen.at(-1);
    expect(last).toMatchObject({ authorization: "Bearer rotated", "x-made": "own" });
    expect(last?.["x-static"]).toBeUndefined();
  });

  test.each([
    ["is not led on by a redirect to a host where it may not go", ["127.0.0.1"], "localhost", FAILED],
    ["follows a redirect to a host where it may go", ["127.0.0.1"], "127.0.0.1", APPLIED],
    ["follows a redirect anywhere where it may go anywhere", ["*"], "localhost", APPLIED],
  ] as const)("%s", async (_what, endpoints, host, ends) => {
    const [old, next, last] = await Promise.all([watchedServer(), watchedServer(), watchedServer()]);
    const to = last[kind].replace("ws:", "http:").replace("127.0.0.1", host);
    next.misbehave({ on: "request", mode: "redirect", to, times: 1_000 });
    const client = agent(old, kind, { endpoints });
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: next[kind] });
    await hears(ends === APPLIED ? last : old, client, ends);
    expect(last.seen.length > 0).toBe(ends === APPLIED);
  });

  test("comes back from what is not an OpAMP server", async () => {
    const old = await watchedServer();
    const web = createServer((_, response) => response.end("<html>")).listen(0, "127.0.0.1");
    onTestFinished(() => void web.close());
    await once(web, "listening");
    const { port } = web.address() as AddressInfo;
    const client = agent(old, kind);
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: `http://127.0.0.1:${port}/v1/opamp` });
    expect(await hears(old, client, FAILED)).toMatch(/answered with/);
    await client.connected(PATIENCE);
    expect(client.connection).toMatchObject({ state: "rolledBack", source: "options" });
  });

  test("comes back from a server that takes connections and never answers", async () => {
    const old = await watchedServer();
    const next = await watchedServer();
    next.misbehave({ mode: "silence", times: Number.POSITIVE_INFINITY });
    const client = agent(old, kind, { verifyMs: 500 }, { timeouts: { answerMs: 200, closeMs: 100 } });
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: next[kind] });
    expect(await hears(old, client, FAILED)).toContain("not proved within 500 ms");
  });

  test.each(NO_ANSWERS)(
    "comes back from a server of something else that answers with %s",
    async (_what, scheme, answer) => {
      const old = await watchedServer();
      const client = agent(old, kind, { verifyMs: 500 });
      await client.connected(PATIENCE);
      const place = `${scheme}://127.0.0.1:${await answering(answer)}/v1/opamp`;
      offerFrom(old, client, { destinationEndpoint: place });
      const why = `not proved within 500 ms: ${place} answered without naming this agent or any capability`;
      expect(await hears(old, client, FAILED)).toContain(why);
    },
  );

  test("comes back from a port where nobody listens", async () => {
    const old = await watchedServer();
    const gone = await watchedServer();
    const destinationEndpoint = gone[kind];
    await gone.close();
    const client = agent(old, kind, { verifyMs: 400 });
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint });
    expect(await hears(old, client, FAILED)).toMatch(/not proved within 400 ms: .*(refused|ECONNREFUSED)/);
  });
});

describe("an agent that finds out by itself what gets through", () => {
  const auto = (old: WatchedServer) => agent(old, "url", {}, { transport: "auto" });

  test.each([
    ["WebSocket", false],
    ["HTTP", true],
  ])("tries other headers over %s, which gets through, and nothing else", async (_what, isBlocked) => {
    const old = await watchedServer({
      onConnect: ({ headers: { upgrade, authorization } }) => {
        if (isBlocked && upgrade !== undefined) return { status: 403 };
        return authorization === "Bearer wrong" ? { status: 401 } : undefined;
      },
    });
    const client = auto(old);
    await client.connected(PATIENCE);
    offerFrom(old, client, { headers: bearer("right") });
    await hears(old, client, APPLIED);
    const before = old.seen.length;
    offerFrom(old, client, { headers: bearer("wrong") }, 2);
    await hears(old, client, FAILED, 2);
    const tried = old.seen.slice(before).filter(({ authorization }) => authorization === "Bearer wrong");
    // The options' function is asked once more.
    expect(tried.map(({ upgrade }) => upgrade !== undefined)).toEqual([!isBlocked, !isBlocked]);
  });

  test.each(KINDS)("goes where it is moved by the scheme of that: %s", async (_name, kind) => {
    const [old, next] = await Promise.all([watchedServer(), watchedServer()]);
    const client = auto(old);
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: next[kind] });
    await hears(next, client, APPLIED);
    for (const { upgrade } of next.seen) expect(upgrade !== undefined).toBe(kind === "url");
  });

  test("is dialled by the scheme of what is offered also where that is the options' own URL", async () => {
    const old = await watchedServer();
    const client = auto(old);
    await client.connected(PATIENCE);
    for (const [index, kind] of (["httpUrl", "url", "httpUrl"] as const).entries()) {
      offerFrom(old, client, { destinationEndpoint: old[kind] }, index + 1);
      await hears(old, client, APPLIED, index + 1);
      expect(old.seen.at(-1)?.["upgrade"] !== undefined).toBe(kind === "url");
    }
  });
});

describe("a certificate", () => {
  /** A server that lets in those alone who show a certificate of this authority. */
  function secured({ server: { cert, key }, ca }: TestCertificates) {
    return watchedServer({ tls: { cert, key, ca, requestClientCert: "require" } });
  }

  verifies("CERT-02", "brings no trust in its authority along", async () => {
    const [old, authority] = await Promise.all([watchedServer(), testCertificates()]);
    const next = await secured(authority);
    const client = agent(old, "url");
    await client.connected(PATIENCE);
    const { cert, key } = authority.client;
    const certificate = { cert: bytes(cert), privateKey: bytes(key), caCert: bytes(authority.ca) };
    offerFrom(old, client, { destinationEndpoint: next.url.replace("127.0.0.1", "localhost"), certificate });
    expect(await hears(old, client, FAILED)).toMatch(/ERR_OPAMP_TLS|certificate|authority/);
  });

  verifies(
    ["CONN-14", "CERT-03", "TLS-01"],
    "is used with the authority that the offer names, on the first contact without one",
    async () => {
      const [old, authority] = await Promise.all([watchedServer(), testCertificates()]);
      const next = await secured(authority);
      const client = agent(old, "url");
      await client.connected(PATIENCE);
      const { cert, key } = authority.client;
      offerFrom(old, client, {
        destinationEndpoint: next.url.replace("127.0.0.1", "localhost"),
        certificate: { cert: bytes(cert), privateKey: bytes(key), caCert: bytes(authority.ca) },
        tls: { caPemContents: authority.ca },
      });
      await hears(next, client, APPLIED);
      expect(client.connection?.certificate?.fingerprint).toMatch(/^[0-9A-F:]+$/);
    },
  );
});
