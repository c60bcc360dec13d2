import { writeSync } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { type ListenOptions, Server } from "node:net";
import { basename } from "node:path";

/** Where a program is to be killed. */
export interface KillOrders {
  directory: string;
  /** Which operation is not survived, from 1; 0 for none. */
  killAt: number;
  /** Half of what it would write is written. */
  half?: boolean | undefined;
}

/** What a program says of each operation that changes the disk, and of whatever else it can be killed at. */
export interface Operation {
  type: "operation";
  name: string;
  file: string;
}

let operations = 0;

/** Says how many operations there were: for a program of which the beginning does not count. */
export function countFrom(passed: number): void {
  operations = passed;
}

/** Kills the process at a moment that has nothing to do with the disk, where it is the one. */
export function passStep({ killAt }: KillOrders, name: string): void {
  operations += 1;
  say({ type: "operation", name, file: "" } satisfies Operation);
  if (operations === killAt) process.kill(process.pid, "SIGKILL");
}

/** Counts an operation, and ends the process as nothing else can where it is the one. */
async function pass(
  { killAt, half = false }: KillOrders,
  name: string,
  file: string,
  begin?: () => Promise<unknown>,
): Promise<void> {
  operations += 1;
  say({ type: "operation", name, file } satisfies Operation);
  if (operations !== killAt) return;
  if (half) await begin?.();
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => undefined);
}

/** One JSON object on each line. */
export function say(report: object): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

/** Puts itself before everything that changes what is on disk. */
export async function wrapDisk(orders: KillOrders): Promise<void> {
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
