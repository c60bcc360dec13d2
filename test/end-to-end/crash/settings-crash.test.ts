import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished } from "vitest";
import type { StoredState } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { builtProgram } from "../../store/built-program.js";
import type { Operation } from "../../store/kill-points.js";
import { temporaryFolder } from "../../store/store-fixture.js";
import { crashPoints } from "./crash-points.js";
import { CREDENTIAL, settingsAgent } from "./settings-agent.js";
import type { SettingsOrders } from "./settings-program.js";

const WORKERS = 3;
const HASH = 1;
const POLL = { interval: 1, timeout: 20_000 };
const PATIENCE = { timeoutMs: 20_000 };

const PROBE = "probe";

interface Attempt {
  at: "old" | "new";
  credential: unknown;
}

/** Two servers, the old one of which offers the new one until it hears how that ended. */
async function startServers(kind: "url" | "httpUrl", isRefused: boolean) {
  const attempts: Attempt[] = [];
  const start = async (at: Attempt["at"], offer?: object): Promise<OpAMPServer> => {
    const server = await OpAMPServer.start({
      onConnect({ headers }) {
        if (headers[CREDENTIAL] === PROBE) return { status: 404 };
        attempts.push({ at, credential: headers[CREDENTIAL] });
        if (at === "new" && isRefused) return { status: 403 };
        return headers[CREDENTIAL] === at ? undefined : { status: 401 };
      },
      onMessage({ connectionSettingsStatus: told }) {
        if (offer === undefined || told?.lastConnectionSettingsHash[0] === HASH) return {};
        return { connectionSettings: { hash: Uint8Array.of(HASH), opamp: offer } };
      },
    });
    onTestFinished(() => server.close());
    return server;
  };
  const next = await start("new");
  const headers = { headers: [{ key: CREDENTIAL, value: "new" }] };
  const old = await start("old", { destinationEndpoint: next[kind], headers });
  /** What a process sent before it was killed has arrived once something that is sent later has been answered. */
  const arrived = async (): Promise<void> => {
    for (const { httpUrl } of [old, next]) await fetch(httpUrl, { method: "POST", headers: { [CREDENTIAL]: PROBE } });
  };
  return { old, next, attempts, arrived };
}

type Servers = Awaited<ReturnType<typeof startServers>>;

/** Runs the program to its end, whichever that is. */
async function run(program: string, orders: SettingsOrders) {
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], { stdio: ["ignore", "pipe", "inherit"] });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, "close")]);
  const lines = output.split("\n").filter((line) => line !== "");
  const reports = lines.map((line) => JSON.parse(line) as Operation | { type: "offered" });
  return { operations: reports.slice(reports.findIndex(({ type }) => type === "offered") + 1), code, signal };
}

async function stateIn(directory: string): Promise<StoredState> {
  return JSON.parse(await readFile(join(directory, "store/state.json"), "utf8"));
}

const FLOWS = [
  ["over WebSocket, to a server that takes it", "url", false],
  ["over HTTP, to a server that takes it", "httpUrl", false],
  ["over WebSocket, to a server that refuses it", "url", true],
] as const;

describe.each(FLOWS)("an agent that is killed at any moment of a move %s", (_name, kind, isRefused) => {
  verifies(
    ["CONN-05", "CONN-08", "CONN-09"],
    "goes on at the right step, and ends where it would have, with the right status at the right server",
    async () => {
      const [program, folder] = await Promise.all([
        builtProgram("settings-program", import.meta.dirname),
        temporaryFolder(),
      ]);
      const ended = isRefused ? "failed" : "applied";
      const fresh = (): Promise<string> => mkdtemp(join(folder, "a-"));
      const { old } = await startServers(kind, isRefused);
      const whole = await run(program, { directory: await fresh(), url: old[kind], killAt: 0 });
      expect(whole.code).toBe(0);
      const all = whole.operations.flatMap((operation, index) => {
        const killAt = index + 1;
        const isWrite = operation.type === "operation" && operation.name === "write";
        return isWrite ? [{ killAt }, { killAt, half: true }] : [{ killAt }];
      });
      expect(all.length).toBeGreaterThan(50);
      const points = crashPoints(all);
      const worker = async (): Promise<void> => {
        const servers = await startServers(kind, isRefused);
        for (let point = points.shift(); point !== undefined; point = points.shift()) {
          const directory = await fresh();
          const { signal, operations } = await run(program, { directory, url: servers.old[kind], ...point });
          const at = JSON.stringify([point, operations.at(-1)]);
          // The order is not always the same, and so neither is the number.
          expect(signal ?? "ended", at).toBe(operations.length < point.killAt ? "ended" : "SIGKILL");
          await recovers(servers, directory, at);
        }
        // Whatever happens, each server is shown its own credential.
        for (const { at, credential } of servers.attempts) expect(credential).toBe(at);
      };
      await Promise.all(Array.from({ length: WORKERS }, worker));

      async function recovers({ old, next, attempts, arrived }: Servers, directory: string, at: string) {
        await arrived();
        const before = attempts.length;
        const { connection } = await stateIn(directory);
        const isBegun = connection?.candidate !== undefined && connection.trial.phase === "trial";
        const isMoved = connection?.accepted !== undefined || isBegun;
        const client = settingsAgent(directory, old[kind]);
        try {
          client.start();
          await client.connected(PATIENCE);
          const [home, status] = isRefused ? [old, 3] : [next, 1];
          await home.agent(client.instanceUid).until(({ connectionSettingsStatus: told }) => {
            return told?.status === status && told.lastConnectionSettingsHash[0] === HASH;
          }, PATIENCE);
          await client.connected(PATIENCE);
          expect(client.connection?.source).toBe(isRefused ? "options" : "server");
          expect(attempts[before]?.at).toBe(isMoved ? "new" : "old");
          // What the process said that was killed may have been the end of it.
          await expect.poll(async () => (await stateIn(directory)).connectionSettings?.status, POLL).toBe(ended);
          await client.stop();
          await leavesNothing(directory);
        } catch (cause) {
          throw new Error(`killed at ${at}, and left ${JSON.stringify(connection)}`, { cause });
        } finally {
          await client.stop();
        }
      }

      /** What was accepted is there as a whole, and nothing else. */
      async function leavesNothing(directory: string) {
        const { connection, connectionSettings } = await stateIn(directory);
        expect(connectionSettings?.status).toBe(ended);
        expect([connection?.candidate, connection?.open]).toEqual([undefined, undefined]);
        const files = (await readdir(join(directory, "store"))).sort();
        const { blob } = connection?.accepted ?? {};
        expect(files).toEqual([...(isRefused ? [] : [`blob-${blob}`]), "state.json"]);
      }
    },
    600_000,
  );
});
