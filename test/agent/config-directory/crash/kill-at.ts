import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

/*
 * Loaded before the agent: counts what it changes in the file system, and kills it when it is about to do the change with
 * the number in KILL_AT, or one whose line in the log the pattern in KILL_ON matches; half of it is done where that can be.
 * KILL_LOG is a file that gets a line for each, and for each time that something is put down to the disk.
 */

const killAt = Number(process.env["KILL_AT"] ?? 0);
const killOn = process.env["KILL_ON"];
const logPath = process.env["KILL_LOG"];
let changes = 0;

function note(name: string, path: unknown): void {
  if (logPath !== undefined) fs.appendFileSync(logPath, `${name} ${String(path)}\n`);
}

/** @param half what is done of the last change */
function count(name: string, path: unknown, half: () => void = () => undefined): void {
  changes += 1;
  note(name, path);
  const isMeant = killOn !== undefined && new RegExp(killOn).test(`${name} ${String(path)}`);
  if (changes !== killAt && !isMeant) return;
  half();
  process.kill(process.pid, "SIGKILL");
}

function halfOf(body: unknown): Buffer {
  const bytes = Buffer.from(typeof body === "string" || body instanceof Uint8Array ? body : "");
  return bytes.subarray(0, Math.floor(bytes.length / 2));
}

function removeOneIn(path: string): void {
  if (!fs.existsSync(path) || !fs.statSync(path).isDirectory()) return;
  const file = fs.readdirSync(path, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile());
  if (file !== undefined) fs.unlinkSync(join(file.parentPath, file.name));
}

const { promises } = fs;
const { mkdir, rename, symlink, link, copyFile, rm, rmdir, writeFile, open } = promises;
const probe = await open(process.execPath);
const handles: Pick<typeof probe, "writeFile" | "sync"> = Object.getPrototypeOf(probe);
await probe.close();
const { writeFile: writeToHandle, sync } = handles;
/** Of what is open, by the number of its handle. */
const paths = new Map<number, string>();

Object.assign(promises, {
  mkdir: (...args: Parameters<typeof mkdir>) => {
    count("mkdir", args[0]);
    return mkdir(...args);
  },
  rename: (...args: Parameters<typeof rename>) => {
    count("rename", args[1]);
    return rename(...args);
  },
  symlink: (...args: Parameters<typeof symlink>) => {
    count("symlink", args[1]);
    return symlink(...args);
  },
  link: (...args: Parameters<typeof link>) => {
    count("link", args[1]);
    return link(...args);
  },
  copyFile: (...args: Parameters<typeof copyFile>) => {
    count("copyFile", args[1]);
    return copyFile(...args);
  },
  rm: (...args: Parameters<typeof rm>) => {
    count("rm", args[0], () => removeOneIn(String(args[0])));
    return rm(...args);
  },
  rmdir: (...args: Parameters<typeof rmdir>) => {
    count("rmdir", args[0]);
    return rmdir(...args);
  },
  writeFile: (...args: Parameters<typeof writeFile>) => {
    count("writeFile", args[0], () => fs.writeFileSync(String(args[0]), halfOf(args[1])));
    return writeFile(...args);
  },
  open: async (...args: Parameters<typeof open>) => {
    if (args[1] !== undefined && args[1] !== "r") count("open", args[0]);
    const handle = await open(...args);
    paths.set(handle.fd, String(args[0]));
    return handle;
  },
});
handles.writeFile = function (this: fs.promises.FileHandle, ...args: Parameters<typeof writeToHandle>) {
  count("write", paths.get(this.fd), () => void fs.writeSync(this.fd, halfOf(args[0])));
  return writeToHandle.apply(this, args);
};
handles.sync = async function (this: fs.promises.FileHandle) {
  const path = paths.get(this.fd);
  await sync.call(this);
  note("sync", path);
};
syncBuiltinESMExports();
