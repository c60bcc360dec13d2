import { writeSync } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { type ListenOptions, Server } from "node:net";
import { basename, join } from "node:path";
import { BLOBS, STATES } from "./crash-states.js";

/** What the program is told to do, as JSON in its first argument. */
export interface CrashOrders {
  directory: string;
  /** How many states are saved. */
  saves: number;
  /** How many changes of a blob follow. */
  blobs?: number;
  /** Which operation is not survived, from 1; 0 for none. */
  killAt: number;
  /** Half of what it would write is written. */
  half?: boolean;
}

/** What the program says, one JSON object on each line. */
export type CrashReport =
  | { type: "saving" | "saved" | "changing" | "changed"; index: number }
  | { type: "operation"; name: string; file: string };

let operations = 0;

/** Counts an operation, and ends the process as nothing else can where it is the one. */
async function pass(
  { killAt, half = false }: CrashOrders,
  name: string,
  file: string,
  begin?: () => Promise<unknown>,
): Promise<void> {
  operations += 1;
  say({ type: "operation", name, file });
  if (operations !== killAt) return;
  if (half) await begin?.();
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => undefined);
}

function say(report: CrashReport): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

/** Puts itself before everything that changes what is on disk. */
async function wrap(orders: CrashOrders): Promise<void> {
  const { open, mkdir, rename, unlink } = fs;
  const files = new WeakMap<object, string>();
  const probe = await open(orders.directory, "r");
  const handles: FileHandle = Object.getPrototypeOf(probe);
  const { writeFile, sync } = handles;
  await probe.close();
  Object.assign(fs, {
    async open(...args: Parameters<typeof open>) {
      const file = basename(String(args[0]));
      await pass(orders, "open", file);
      const handle = await open(...args);
      files.set(handle, file);
      return handle;
    },
    async mkdir(...args: Parameters<typeof mkdir>) {
      await pass(orders, "mkdir", basename(String(args[0])));
      return mkdir(...args);
    },
    async rename(...args: Parameters<typeof rename>) {
      await pass(orders, "rename", basename(String(args[0])));
      return rename(...args);
    },
    async unlink(...args: Parameters<typeof unlink>) {
      await pass(orders, "unlink", basename(String(args[0])));
      return unlink(...args);
    },
  });
  Object.assign(handles, {
    async writeFile(this: FileHandle, data: Uint8Array) {
      const begin = () => writeFile.call(this, data.subarray(0, data.length / 2));
      await pass(orders, "write", files.get(this) ?? "", begin);
      return writeFile.call(this, data);
    },
    async sync(this: FileHandle) {
      await pass(orders, "sync", files.get(this) ?? "");
      return sync.call(this);
    },
  });
  const { listen } = Server.prototype;
  Object.assign(Server.prototype, {
    listen(this: Server, ...args: [ListenOptions, () => void]) {
      void pass(orders, "listen", "").then(() => listen.apply(this, args));
      return this;
    },
  });
}

const orders: CrashOrders = JSON.parse(process.argv[2] ?? "");
await wrap(orders);
const { fileStore } = await import("../../src/store/file-store.js");
const store = fileStore(join(orders.directory, "store"));
await store.load();
for (const [index, state] of STATES.slice(0, orders.saves).entries()) {
  say({ type: "saving", index });
  await store.save(state);
  say({ type: "saved", index });
}
for (const [index, blob] of BLOBS.slice(0, orders.blobs ?? 0).entries()) {
  say({ type: "changing", index });
  await (blob === undefined ? store.blobs.remove("key") : store.blobs.write("key", blob));
  say({ type: "changed", index });
  await store.save({ heartbeatMs: index + 1 });
}
await store.close();
