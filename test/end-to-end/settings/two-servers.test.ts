import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  memoryStore,
  OpAMPClient,
  type OpAMPClientOptions,
  type OpAMPSettingsPolicy,
  type Store,
} from "../../../src/index.js";
import {
  OpAMPServer,
  type OpAMPServerOptions,
  type TestCertificates,
  testCertificates,
} from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";

type Kind = "url" | "httpUrl";

const [APPLIED, FAILED] = [1, 3];
const PATIENCE = { timeoutMs: 10_000 };
const KINDS: readonly (readonly [string, Kind])[] = [
  ["ws", "url"],
  ["http", "httpUrl"],
];
const MOVES = KINDS.flatMap(([from, fromKind]) => KINDS.map(([to, toKind]) => [from, to, fromKind, toKind] as const));

/** A server, and the headers that it saw with each attempt. */
async function server(options: OpAMPServerOptions = {}) {
  const seen: Record<string, unknown>[] = [];
  const started = await OpAMPServer.start({
    ...options,
    onConnect(request) {
      seen.push(request.headers);
      return options.onConnect?.(request);
    },
  });
  onTestFinished(() => started.close());
  return Object.assign(started, { seen });
}

type Watched = Awaited<ReturnType<typeof server>>;

function agent(old: OpAMPServer, kind: Kind, policy: OpAMPSettingsPolicy = {}, more: Partial<OpAMPClientOptions> = {}) {
  const client = new OpAMPClient({
    url: old[kind],
    headers: [{ authorization: "Bearer bootstrap", "x-static": "own" }, () => ({ "x-made": "own" })],
    heartbeat: { intervalMs: 100, minMs: 100 },
    backoff: { minMs: 20, maxMs: 100 },
    description: { identifying: { "service.name": "moved" } },
    store: lasting(),
    connectionSettings: { opamp: { endpoints: ["127.0.0.1", "localhost"], allowCleartext: true, ...policy } },
    ...more,
  });
  onTestFinished(() => client.stop());
  client.start();
  return client;
}

function lasting(store: Store = memoryStore()): Store {
  return { ...store, lasting: true };
}

/** The server sees this status of settings. */
async function until(at: OpAMPServer, client: OpAMPClient, status: number) {
  const seen = at.agent(client.instanceUid);
  await seen.until(({ connectionSettingsStatus }) => connectionSettingsStatus?.status === status, {
    signal: AbortSignal.timeout(10_000),
  });
  return seen.connectionSettingsStatus;
}

function offerFrom(at: Watched, client: OpAMPClient, opamp: object, hash = 1): void {
  at.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(hash), opamp } });
}

function bearer(token: string) {
  return { headers: [{ key: "Authorization", value: `Bearer ${token}` }] };
}

describe.each(MOVES)("a move from %s to %s", (_from, _to, fromKind, toKind) => {
  verifies(
    ["CONN-07", "CONN-12", "CONN-13", "CERT-04"],
    "shows the new server the offered headers and none of the old ones, also after a restart",
    async () => {
      const [old, next] = await Promise.all([server(), server()]);
      const store = lasting();
      const client = agent(old, fromKind, {}, { store });
      await client.connected(PATIENCE);
      offerFrom(old, client, { destinationEndpoint: next[toKind], headers: bearer("offered") });
      expect((await until(next, client, APPLIED))?.lastConnectionSettingsHash).toEqual(Uint8Array.of(1));
      expect((await until(old, client, 2))?.lastConnectionSettingsHash).toEqual(Uint8Array.of(1));
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
      const [old, next] = await Promise.all([server(), server({ onConnect: () => ({ status: 401 }) })]);
      const client = agent(old, fromKind);
      await client.connected(PATIENCE);
      offerFrom(old, client, { destinationEndpoint: next[toKind], headers: bearer("wrong") });
      const status = await until(old, client, FAILED);
      expect(status?.lastConnectionSettingsHash).toEqual(Uint8Array.of(1));
      expect(status?.errorMessage).toMatch(/401/);
      expect(next.seen).toHaveLength(1);
      for (const headers of old.seen) expect(JSON.stringify(headers)).not.toContain("wrong");
      for (const headers of next.seen) expect(JSON.stringify(headers)).not.toMatch(/bootstrap|"own"/);
      expect(old.seen.at(-1)).toMatchObject({ authorization: "Bearer bootstrap", "x-made": "own" });
    },
  );
});

describe.each(KINDS)("an agent over %s", (_name, kind) => {
  test("has its token rotated on the server that it has, and goes on to ask its functions there", async () => {
    const old = await server();
    const client = agent(old, kind);
    await client.connected(PATIENCE);
    offerFrom(old, client, { headers: bearer("rotated") });
    await until(old, client, APPLIED);
    const last = old.seen.at(-1);
    expect(last).toMatchObject({ authorization: "Bearer rotated", "x-made": "own" });
    expect(last?.["x-static"]).toBeUndefined();
  });

  test.each([
    ["is not led on by a redirect to a host where it may not go", ["127.0.0.1"], "localhost", FAILED],
    ["follows a redirect to a host where it may go", ["127.0.0.1"], "127.0.0.1", APPLIED],
    ["follows a redirect anywhere where it may go anywhere", ["*"], "localhost", APPLIED],
  ] as const)("%s", async (_what, endpoints, host, ends) => {
    const [old, next, last] = await Promise.all([server(), server(), server()]);
    const to = last[kind].replace("ws:", "http:").replace("127.0.0.1", host);
    next.misbehave({ on: "request", mode: "redirect", to, times: 1_000 });
    const client = agent(old, kind, { endpoints });
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: next[kind] });
    await until(ends === APPLIED ? last : old, client, ends);
    expect(last.seen.length > 0).toBe(ends === APPLIED);
  });

  test("comes back from what is not an OpAMP server", async () => {
    const old = await server();
    const web = createServer((_, response) => response.end("<html>")).listen(0, "127.0.0.1");
    onTestFinished(() => void web.close());
    await once(web, "listening");
    const { port } = web.address() as AddressInfo;
    const client = agent(old, kind);
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: `http://127.0.0.1:${port}/v1/opamp` });
    expect((await until(old, client, FAILED))?.errorMessage).toBeTruthy();
    expect(client.phase).not.toBe("stopped");
  });

  test("comes back from a server that takes connections and never answers", async () => {
    const old = await server();
    const next = await server();
    next.misbehave({ mode: "silence", times: Number.POSITIVE_INFINITY });
    const client = agent(old, kind, { verifyMs: 500 }, { timeouts: { answerMs: 200, closeMs: 100 } });
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: next[kind] });
    expect((await until(old, client, FAILED))?.errorMessage).toContain("not proved within 500 ms");
  });

  test("comes back from a port where nobody listens", async () => {
    const old = await server();
    const gone = await server();
    const destinationEndpoint = gone[kind];
    await gone.close();
    const client = agent(old, kind, { verifyMs: 400 });
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint });
    expect((await until(old, client, FAILED))?.errorMessage).toMatch(
      /not proved within 400 ms: .*(refused|ECONNREFUSED)/,
    );
  });
});

describe("an agent that finds out by itself what gets through", () => {
  const auto = (old: Watched) => agent(old, "url", {}, { transport: "auto" });

  test.each([
    ["WebSocket", false],
    ["HTTP", true],
  ])("tries other headers over %s, which gets through, and nothing else", async (_what, isBlocked) => {
    const old = await server({
      onConnect: ({ headers: { upgrade, authorization } }) => {
        if (isBlocked && upgrade !== undefined) return { status: 403 };
        return authorization === "Bearer wrong" ? { status: 401 } : undefined;
      },
    });
    const client = auto(old);
    await client.connected(PATIENCE);
    offerFrom(old, client, { headers: bearer("right") });
    await until(old, client, APPLIED);
    const before = old.seen.length;
    offerFrom(old, client, { headers: bearer("wrong") }, 2);
    await until(old, client, FAILED);
    const tried = old.seen.slice(before).filter(({ authorization }) => authorization === "Bearer wrong");
    // The options' function is asked once more.
    expect(tried.map(({ upgrade }) => upgrade !== undefined)).toEqual([!isBlocked, !isBlocked]);
  });

  test.each(KINDS)("goes where it is moved by the scheme of that: %s", async (_name, kind) => {
    const [old, next] = await Promise.all([server(), server()]);
    const client = auto(old);
    await client.connected(PATIENCE);
    offerFrom(old, client, { destinationEndpoint: next[kind] });
    await until(next, client, APPLIED);
    for (const { upgrade } of next.seen) expect(upgrade !== undefined).toBe(kind === "url");
  });

  test("is dialled by the scheme of what is offered also where that is the options' own URL", async () => {
    const old = await server();
    const client = auto(old);
    await client.connected(PATIENCE);
    for (const [index, kind] of (["httpUrl", "url", "httpUrl"] as const).entries()) {
      offerFrom(old, client, { destinationEndpoint: old[kind] }, index + 1);
      await old.agent(client.instanceUid).until(({ connectionSettingsStatus: told }) => {
        return told?.status === APPLIED && told.lastConnectionSettingsHash[0] === index + 1;
      }, PATIENCE);
      expect(old.seen.at(-1)?.["upgrade"] !== undefined).toBe(kind === "url");
    }
  });
});

describe("a certificate", () => {
  /** A server that lets in those alone who show a certificate of this authority. */
  function secured({ server: { cert, key }, ca }: TestCertificates) {
    return server({ tls: { cert, key, ca, requestClientCert: "require" } });
  }

  verifies("CERT-02", "brings no trust in its authority along", async () => {
    const [old, authority] = await Promise.all([server(), testCertificates()]);
    const next = await secured(authority);
    const client = agent(old, "url");
    await client.connected(PATIENCE);
    const { cert, key } = authority.client;
    const certificate = { cert: bytes(cert), privateKey: bytes(key), caCert: bytes(authority.ca) };
    offerFrom(old, client, { destinationEndpoint: next.url.replace("127.0.0.1", "localhost"), certificate });
    expect((await until(old, client, FAILED))?.errorMessage).toMatch(/ERR_OPAMP_TLS|certificate|authority/);
  });

  verifies(
    ["CONN-14", "CERT-03", "TLS-01"],
    "is used with the authority that the offer names, on the first contact without one",
    async () => {
      const [old, authority] = await Promise.all([server(), testCertificates()]);
      const next = await secured(authority);
      const client = agent(old, "url");
      await client.connected(PATIENCE);
      const { cert, key } = authority.client;
      offerFrom(old, client, {
        destinationEndpoint: next.url.replace("127.0.0.1", "localhost"),
        certificate: { cert: bytes(cert), privateKey: bytes(key), caCert: bytes(authority.ca) },
        tls: { caPemContents: authority.ca },
      });
      await until(next, client, APPLIED);
      expect(client.connection?.certificate?.fingerprint).toMatch(/^[0-9A-F:]+$/);
    },
  );
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
