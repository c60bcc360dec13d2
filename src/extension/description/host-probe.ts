import { readFileSync } from "node:fs";
import { endianness, hostname, release, version } from "node:os";

/** What is looked at to tell what machine this is; give another one to see it with other eyes. */
export interface HostProbe {
  /** In Node's words, as `process.platform`. */
  readonly platform: string;
  /** In Node's words, as `process.arch`. */
  readonly arch: string;
  readonly endianness: "LE" | "BE";
  /** May throw. */
  hostname(): string;
  /** The kernel's or the system's release, such as "10.0.22631". May throw. */
  release(): string;
  /** On Windows the product, such as "Windows 11 Pro". May throw. */
  version(): string;
  /** The text of a file. Throws where there is none that can be read. */
  readFile(path: string): string;
}

/** The machine that this process runs on. */
export function systemProbe(): HostProbe {
  return {
    platform: process.platform,
    arch: process.arch,
    endianness: endianness(),
    hostname,
    release,
    version,
    readFile: (path) => readFileSync(path, "utf8"),
  };
}
