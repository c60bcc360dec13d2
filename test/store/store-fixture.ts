import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type FileStore,
  type FileStoreOptions,
  fileStore,
  memoryStore,
  type OpAMPError,
  type Store,
  type StoredConfig,
  type StoredState,
} from "../../src/index.js";

/** A directory of the test's own, which goes with it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "opamp-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A store that lets go of its directory with the test, and what it reports. */
export function storeIn(directory: string, options: FileStoreOptions = {}) {
  const store = fileStore(directory, options);
  onTestFinished(() => store.close());
  const reports: OpAMPError[] = [];
  return { store, reports, load: () => store.load((error) => reports.push(error)) };
}

/** What a new agent finds in a directory; it does not wait for another. */
export async function found(directory: string): Promise<{ state: StoredState | undefined; reports: OpAMPError[] }> {
  const { store, reports, load } = storeIn(directory, { lockWaitMs: 0 });
  const state = await load();
  await store.close();
  return { state, reports };
}

/** Saves one state after the other, each as an agent would. */
export async function saved(directory: string, ...states: readonly StoredState[]): Promise<void> {
  const { store, load } = storeIn(directory);
  await load();
  for (const state of states) await store.save(state);
  await store.close();
}

/** The names of all files, without those of sockets. */
export async function filesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !name.endsWith(".sock")).sort();
}

/** A config with one file. */
export function config(byte: number, body: string | Uint8Array): StoredConfig {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return { hash: Uint8Array.of(byte), files: { "agent.yaml": { body: bytes, contentType: "text/yaml" } } };
}

export const uid = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);

export type { FileStore };

/** A store that says it outlives the process; in memory unless another one is given. */
export function lastingStore(store: Store = memoryStore()): Store {
  return { ...store, lasting: true };
}
