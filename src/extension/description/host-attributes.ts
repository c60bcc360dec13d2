import { readFileSync } from "node:fs";
import { endianness, hostname, release, userInfo, version } from "node:os";
import { basename } from "node:path";
import { attempt } from "../../base/checks.js";
import type { Attributes } from "../../values/attributes.js";

/** What is looked at to describe this machine. */
export interface HostProbe {
  /** In Node's words, as `process.platform`. */
  readonly platform: string;
  /** In Node's words, as `process.arch`. */
  readonly arch: string;
  /** Byte order, as `os.endianness()`. */
  readonly endianness: "LE" | "BE";
  /** May throw. */
  hostname(): string;
  /** The kernel's or the system's release, such as "10.0.22631". May throw. */
  release(): string;
  /** On Windows the product, such as "Windows 11 Pro". May throw. */
  version(): string;
  /** The text of a file. Throws if it cannot be read. */
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

/** Go's names of systems, where Node has another one. */
const GO_SYSTEMS: Readonly<Record<string, string>> = { win32: "windows", cygwin: "windows", sunos: "solaris" };
/** Go's names of processors, where Node has another one. */
const GO_PROCESSORS: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mipsel: "mipsle" };
/** The Collector's names of distributions, where `os-release` has another one. */
const DISTRIBUTIONS = new Map([
  ["", "debian"],
  ["amzn", "amazon"],
  ["ol", "oracle"],
  ["rhel", "redhat"],
]);
/** Distributions whose full version is in Debian's own file; others have the version of the Debian they are made from. */
const DEBIAN_VERSIONED = new Set(["", "debian", "raspbian"]);
const MAC_VERSION = "/System/Library/CoreServices/SystemVersion.plist";
const MAC_VERSION_VALUE = /<key>ProductVersion<\/key>\s*<string>([^<]+)<\/string>/;

/**
 * What the Collector's extension detects of the machine, in the same words: `os.type` and `host.arch` as Go calls them,
 * `os.description` ("Debian 12.11", "macOS 14.5"; the type if there is no more to know), and `host.name`, which is left
 * out where there is none.
 *
 * Reads a few small files synchronously; on Linux `/etc/os-release` and `/etc/debian_version`. On Windows the description
 * ends in the build ("10.0.22631"), where the Collector's has the marketing version ("23H2") from the registry.
 *
 * @param options.probe what to look at. Default: this machine.
 */
export function hostAttributes({ probe = systemProbe() }: { probe?: HostProbe | undefined } = {}): Attributes {
  const type = GO_SYSTEMS[probe.platform] ?? probe.platform;
  return {
    "os.type": type,
    "os.description": attempt(() => osDescription(probe)) ?? type,
    "host.arch": processor(probe),
    "host.name": attempt(() => probe.hostname()),
  };
}

function processor({ arch, endianness }: HostProbe): string {
  if (arch === "ppc64" && endianness === "LE") return "ppc64le";
  return GO_PROCESSORS[arch] ?? arch;
}

function osDescription(probe: HostProbe): string | undefined {
  switch (probe.platform) {
    case "linux":
      return linuxRelease(probe);
    case "darwin": {
      const version = MAC_VERSION_VALUE.exec(probe.readFile(MAC_VERSION))?.[1];
      return version && `macOS ${version.trim()}`;
    }
    case "win32": {
      const product = probe.version();
      return `${product.startsWith("Microsoft") ? product : `Microsoft ${product}`} ${probe.release()}`;
    }
    default:
      return undefined;
  }
}

function linuxRelease(probe: HostProbe): string | undefined {
  const osRelease = attempt(() => probe.readFile("/etc/os-release")) ?? "";
  const debianVersion = (attempt(() => probe.readFile("/etc/debian_version")) ?? "").split("\n", 1)[0]?.trim() ?? "";
  const id = assigned(osRelease, "ID");
  if (id === "" && debianVersion === "") return undefined;
  const version = (DEBIAN_VERSIONED.has(id) && debianVersion) || assigned(osRelease, "VERSION_ID");
  return `${titleCase(DISTRIBUTIONS.get(id) ?? id)} ${version}`.trimEnd();
}

/** Every word with a capital first and small letters after it; a hyphen ends a word, an underscore does not. */
function titleCase(name: string): string {
  return name.toLowerCase().replace(/(?<![\p{L}\p{N}_'])\p{L}/gu, (letter) => letter.toUpperCase());
}

/** The value of `KEY=value` or `KEY="value"` on a line of its own; the last one counts. */
function assigned(text: string, key: string): string {
  const line = text.split("\n").findLast((candidate) => candidate.startsWith(`${key}=`)) ?? "";
  return line
    .slice(key.length + 1)
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2");
}

/** What is looked at to tell what process this is. */
export interface ProcessProbe {
  /** Process id. */
  readonly pid: number;
  /** Path of the executable. */
  readonly execPath: string;
  /** Command line. */
  readonly argv: readonly string[];
  /** Version of Node, without the v. */
  readonly nodeVersion: string;
  /** The name of the user that the process runs as. Throws where it has none, as for many a user in a container. */
  owner(): string;
}

/**
 * This process by the OpenTelemetry conventions: `process.pid`, `process.executable.*`, `process.command` (the script),
 * `process.runtime.*` and, where it has a name, `process.owner`. Not the arguments, which may hold secrets.
 *
 * The Collector's extension reports none of these. Add them to what is detected:
 * `describeService({ host: { ...hostAttributes(), ...processAttributes() } })`.
 *
 * @param options.probe what to look at. Default: this process.
 */
export function processAttributes({ probe = currentProcess() }: { probe?: ProcessProbe | undefined } = {}): Attributes {
  const [, script] = probe.argv;
  return {
    "process.pid": probe.pid,
    "process.executable.name": basename(probe.execPath),
    "process.executable.path": probe.execPath,
    "process.command": script,
    "process.runtime.name": "nodejs",
    "process.runtime.version": probe.nodeVersion,
    "process.runtime.description": "Node.js",
    "process.owner": attempt(() => probe.owner()),
  };
}

function currentProcess(): ProcessProbe {
  const { pid, execPath, argv, versions } = process;
  return { pid, execPath, argv, nodeVersion: versions.node, owner: () => userInfo().username };
}
