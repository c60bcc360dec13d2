import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fileStore, type Store } from "../../../src/index.js";
import { testCertificates, virtualClock } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { known, type Moved, moved, NEW, OLD, offer, servers } from "./moved.js";
import { bytes, headers } from "./offers.js";

const SECRET = "s3cret-t0ken";
const HEADERS = headers(["authorization", `Bearer ${SECRET}`]);

const POLL = { interval: 1, timeout: 10_000 };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "opamp-settings-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A store that is closed before its directory goes: a client on virtual time does not wait for the disk. */
function storeIn(path: string): Store {
  const store = fileStore(path);
  onTestFinished(() => store.close?.());
  return store;
}

/** Lets the disk come to rest, which has a time of its own, while a little time passes for the client. */
async function rest({ clock }: Moved, until: () => boolean): Promise<void> {
  await expect
    .poll(async () => {
      await clock.advance(5);
      return until();
    }, POLL)
    .toBe(true);
}

function blobsIn(path: string): readonly string[] {
  return readdirSync(path).filter((name) => name.startsWith("blob-"));
}

function stateIn(path: string): string {
  return readFileSync(join(path, "state.json"), "utf8");
}

/** A client on disk, moved to the new server with a header, and then stopped. */
async function left(path: string) {
  const agent = await moved({ store: storeIn(path) });
  await rest(agent, () => agent.client.phase === "online");
  await offer(agent, { destinationEndpoint: NEW, headers: HEADERS });
  await rest(agent, () => agent.statuses.at(-1) === "applied" && stateIn(path).includes('"applied"'));
  const stopped = agent.client.stop();
  await rest(agent, () => agent.client.phase === "stopped");
  await stopped;
  return agent;
}

/** Started again in the same directory. */
async function again(path: string, { servers: both }: Moved, given: Parameters<typeof moved>[0] = {}) {
  const agent = await moved({ store: storeIn(path), servers: both, ...given });
  const warnings: string[] = [];
  agent.client.on("warning", ({ code }) => warnings.push(code));
  await rest(agent, () => agent.client.phase === "online");
  return { ...agent, warnings };
}

/** A client certificate that is valid at this time. */
async function certificateAt(wallNow: number) {
  const { issue } = await testCertificates();
  const { cert, key } = await issue({ usage: "client", notBefore: new Date(wallNow - 1_000) });
  return { cert: bytes(cert), privateKey: bytes(key) };
}

describe("accepted settings on disk", () => {
  test("are in a file of their own that nobody else can read, and nothing secret is in the state", async () => {
    const path = directory();
    await left(path);
    const blobs = blobsIn(path);
    expect(blobs).toEqual([expect.stringMatching(/^blob-connection-[0-9a-f]{32}$/)]);
    const [blob = ""] = blobs;
    expect(statSync(join(path, blob)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(path, blob), "utf8")).toContain(SECRET);
    expect(stateIn(path)).not.toContain(SECRET);
  });

  verifies(["CONN-04", "CONN-08"], "count from the first dial of the next start, with their hash", async () => {
    const path = directory();
    const agent = await again(path, await left(path));
    expect(agent.dialled).toEqual(["new"]);
    expect(known(agent.servers.new, agent)).toEqual([1, 1, ""]);
    expect(agent.warnings).toEqual([]);
  });

  test.each([
    ["is another text", (path: string, blob: string) => writeFileSync(join(path, blob), "opamp-client blob 1 x\n{}")],
    ["is gone", (path: string, blob: string) => rmSync(join(path, blob))],
  ])("are put aside as a whole where their file %s, and the options count", async (_what, spoil) => {
    const path = directory();
    const before = await left(path);
    spoil(path, blobsIn(path)[0] ?? "");
    const agent = await again(path, before);
    expect(agent.dialled).toEqual(["old"]);
    expect(agent.warnings).toEqual(["settings-put-aside"]);
    expect(known(agent.servers.old, agent)?.[0]).toBe(0);
    expect(agent.client.connection).toMatchObject({ state: undefined, endpoint: OLD, source: "options" });
    await rest(agent, () => !stateIn(path).includes('"connection"'));
  });

  test.each<[string, (file: string) => void]>([
    ["an empty file", (file) => truncateSync(file)],
    ["a directory", (file) => mkdirSync(file)],
    ["a link", (file) => symlinkSync("/dev/null", file)],
  ])("can be offered again where %s has their place, which stays", async (what, replace) => {
    const path = directory();
    const before = await left(path);
    const [blob = ""] = blobsIn(path);
    if (!what.includes("empty")) rmSync(join(path, blob));
    replace(join(path, blob));
    const agent = await again(path, before);
    expect([agent.dialled, agent.warnings]).toEqual([["old"], ["settings-put-aside"]]);
    await offer(agent, { destinationEndpoint: NEW, headers: HEADERS }, 2);
    await rest(agent, () => agent.statuses.at(-1) === "applied" && stateIn(path).includes('"applied"'));
    expect(agent.dialled.at(-1)).toBe("new");
    const stopped = agent.client.stop();
    await rest(agent, () => agent.client.phase === "stopped");
    await stopped;
    expect(blobsIn(path)).toEqual([blob, `${blob}.2`]);
    expect((await again(path, before)).dialled).toEqual(["new"]);
  });

  test.each([
    ["the URL is another one", { options: { url: "wss://old2.example.com/v1/opamp" } }],
    ["the epoch is another one", { settings: { opamp: { endpoints: ["*.example.com"] }, settingsEpoch: "2" } }],
    ["verification is another one", { options: { tls: { insecureSkipVerify: true } } }],
    ["they are no longer allowed", { policy: { endpoints: ["old.example.com"] } }],
  ])("are put aside where %s", async (_what, given) => {
    const path = directory();
    const agent = await again(path, await left(path), given);
    expect(agent.dialled).toEqual(["old"]);
    expect(agent.warnings.filter((code) => code === "settings-put-aside")).toHaveLength(1);
    expect(known(agent.servers.old, agent)?.[0]).toBe(0);
    await rest(agent, () => blobsIn(path).length === 0);
  });

  test("stay where only headers of the options are others", async () => {
    const path = directory();
    const agent = await again(path, await left(path), { options: { headers: { "x-other": "1" } } });
    expect([agent.dialled, agent.warnings]).toEqual([["new"], []]);
  });

  test("leave nothing of those before them", async () => {
    const path = directory();
    const agent = await moved({ store: storeIn(path), policy: { maxPerHour: 10 } });
    await rest(agent, () => agent.client.phase === "online");
    const names = new Set<string>();
    for (let number = 1; number <= 3; number++) {
      const to = agent.dialled.at(-1) === "new" ? agent.servers.new : agent.servers.old;
      to.agent(agent.client.instanceUid).send({
        connectionSettings: {
          hash: Uint8Array.of(number),
          opamp: { destinationEndpoint: NEW, headers: headers(["x-token", `${number}`]) },
        },
      });
      await rest(agent, () => agent.statuses.length === 2 * number && blobsIn(path).length === 1);
      for (const name of blobsIn(path)) names.add(name);
    }
    expect(names.size).toBe(3);
  });
});

describe("settings that are being tried", () => {
  verifies("CONN-05", "are tried first at the next start, and kept once they are proved", async () => {
    const path = directory();
    const both = await servers();
    const agent = await moved({ store: storeIn(path), servers: both });
    await rest(agent, () => agent.client.phase === "online");
    await both.new.close();
    await offer(agent, { destinationEndpoint: NEW, headers: HEADERS });
    await rest(agent, () => agent.dialled.includes("new"));
    const stopped = agent.client.stop();
    await rest(agent, () => agent.client.phase === "stopped");
    await stopped;
    expect(JSON.parse(stateIn(path))).toMatchObject({
      connection: { candidate: {}, trial: { phase: "trial", crashes: -1 } },
    });
    const fresh = await servers();
    const later = await again(path, { ...agent, servers: { ...both, new: fresh.new } });
    expect(later.dialled).toEqual(["new"]);
    await rest(later, () => later.statuses.at(-1) === "applied");
    expect(JSON.parse(stateIn(path)).connection.candidate).toBeUndefined();
  });

  test("are refused where the disk takes no more, and the connection goes on", async () => {
    const path = directory();
    const agent = await moved({ store: storeIn(path) });
    await rest(agent, () => agent.client.phase === "online" && readdirSync(path).includes("state.json"));
    chmodSync(path, 0o500);
    onTestFinished(() => chmodSync(path, 0o700));
    const isRoot = process.getuid?.() === 0;
    await offer(agent, { destinationEndpoint: NEW });
    await rest(agent, () => agent.statuses.length === 2);
    // Nothing stops root from writing.
    if (isRoot) expect(agent.statuses.at(-1)).toBe("applied");
    else
      expect([agent.statuses.at(-1), agent.dialled]).toEqual([expect.stringContaining("could not be stored"), ["old"]]);
  });
});

describe("a certificate", () => {
  verifies("CONN-11", "is refused by an agent without a store that outlives it", async () => {
    const certificate = await certificateAt(virtualClock().wallNow());
    for (const store of [undefined, { ...lastingStore(), lasting: false }, { ...lastingStore(), blobs: undefined }]) {
      const agent = await moved({ store, options: store === undefined ? { store: undefined } : {} });
      await offer(agent, { certificate });
      expect(agent.statuses.at(-1)).toContain("certificate would be lost with a restart");
      expect(agent.dialled).toEqual(["old"]);
    }
  });

  test("is told by its fingerprint and its end once it is in force", async () => {
    const agent = await moved();
    await offer(agent, { certificate: await certificateAt(agent.clock.wallNow()) });
    await agent.clock.advance(2_000);
    expect(agent.statuses.at(-1)).toBe("applied");
    expect(agent.client.connection?.certificate).toEqual({
      fingerprint: expect.stringMatching(/^[0-9A-F:]{95}$/),
      validUntil: expect.any(Date),
    });
  });
});
