// A small agent as a process of its own: agent.ts [--impatient] <server URL> <folder with collector.yaml>
import { open, readFile, rename } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { effectiveConfig, type Health, memoryStore, OpAMPClient, OpAMPError, type RemoteConfig } from "opamp-client";
import { pipelinesOf } from "./collector-config.js";
import { hex, PIPELINES, tell } from "./messages.js";

/** What a real Collector would take to try the file out. */
const TRIAL_MS = 300;
const FILE = "collector.yaml";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { impatient: { type: "boolean" } } });
const [url = "", folder = "."] = positionals;
const path = join(folder, FILE);

function currentConfig(): Promise<string> {
  return readFile(path, "utf8");
}

/** A reader of the file sees all of the old one or all of the new one, whatever happens meanwhile. */
async function replaceConfig(text: string): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, "w");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  tell({ what: "written", path, bytes: Buffer.byteLength(text) });
}

/** @returns the pipelines that run now */
async function apply({ hash, files }: RemoteConfig, signal: AbortSignal): Promise<string[]> {
  tell({ what: "checking", hash: hex(hash) });
  const [only, ...others] = Object.values(files);
  const file = files[FILE] ?? (others.length === 0 ? only : undefined);
  if (file === undefined) throw new Error(`expected the file ${FILE}, got ${Object.keys(files).join(", ") || "none"}`);
  const text = file.text();
  const pipelines = pipelinesOf(text);
  await pause(TRIAL_MS, undefined, { signal });
  await replaceConfig(text);
  return pipelines;
}

function healthOf(pipelines: readonly string[]): Health {
  const well = { healthy: true, status: "StatusOK" };
  return { ...well, components: Object.fromEntries(pipelines.map((name) => [`pipeline:${name}`, well])) };
}

async function createClient(): Promise<OpAMPClient> {
  const log = (text: string): void => tell({ what: "log", text });
  const client = new OpAMPClient({
    url,
    description: {
      identifying: { "service.name": "demo-collector", "service.version": "1.0.0" },
      nonIdentifying: { "host.name": hostname(), "os.type": process.platform, "process.pid": process.pid },
    },
    health: healthOf(pipelinesOf(await currentConfig())),
    store: memoryStore(),
    effectiveConfig: effectiveConfig({ name: FILE, read: currentConfig }),
    remoteConfig: {
      async apply(config, { signal }) {
        client.setHealth(healthOf(await apply(config, signal)));
      },
    },
    keepAlive: true,
    logger: { debug: () => undefined, info: log, warn: log, error: log },
    // Over HTTP the server can speak only when it is asked.
    ...(url.startsWith("http") && { heartbeat: { intervalMs: values.impatient ? 500 : 5_000 } }),
    ...(values.impatient && { backoff: { minMs: 200, maxMs: 1_000 } }),
  });
  client.on("phase", ({ phase, previous, error, retryAt }) => {
    const retryInMs = retryAt === undefined ? 0 : retryAt.getTime() - Date.now();
    tell({ what: "phase", phase, previous, error: error?.message ?? "", retryInMs });
  });
  const questions = client.customCapability(PIPELINES);
  questions.onMessage(async ({ type }) => {
    tell({ what: "custom", type });
    await questions.send("running", pipelinesOf(await currentConfig()).join(", "));
  });
  return client;
}

function leave(): void {
  // The connection to the demo is all that still keeps this process alive.
  if (process.connected) process.disconnect();
}

try {
  const client = await createClient();
  const stop = (): void => void client.stop().then(leave);
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("disconnect", stop);
  client.start();
} catch (error) {
  const hint = error instanceof OpAMPError ? `; ${error.hint}` : "";
  tell({ what: "unable", error: `${error instanceof Error ? error.message : String(error)}${hint}` });
  process.exitCode = 1;
  leave();
}
