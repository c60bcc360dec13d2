import type { HostProbe } from "./host-probe.js";

/** A Linux distribution and its version, which may be empty. */
export interface LinuxRelease {
  name: string;
  version: string;
}

/** How a distribution shows: by a file of its own, which the first one in this list does that is not all but empty. */
interface Sign {
  file: string;
  read(text: string, files: Files): LinuxRelease;
}

/** A file that holds no more bytes than this says nothing. */
const HARDLY_ANYTHING = 4;

/** Distributions that keep Debian's file beside one of their own, in the words of `lsb-release` and of `os-release`. */
const DEBIAN_LIKE: Readonly<Record<string, string>> = {
  Ubuntu: "ubuntu",
  LinuxMint: "linuxmint",
  Kylin: "Kylin",
  uos: "uos",
  Deepin: "Deepin",
  ubuntu: "ubuntu",
  linuxmint: "linuxmint",
  kylin: "Kylin",
  deepin: "Deepin",
};

/** The names and versions, and which file goes before which, are those of the library that the Collector uses. */
const SIGNS: readonly Sign[] = [
  { file: "/etc/oracle-release", read: (text) => ({ name: "oracle", version: redHatVersion(text) }) },
  { file: "/etc/enterprise-release", read: (text) => ({ name: "oracle", version: redHatVersion(text) }) },
  { file: "/etc/slackware-version", read: (text) => ({ name: "slackware", version: afterSlackware(text) }) },
  { file: "/etc/debian_version", read: debian },
  { file: "/etc/neokylin-release", read: redHat },
  { file: "/etc/redhat-release", read: redHat },
  { file: "/etc/system-release", read: redHat },
  { file: "/etc/gentoo-release", read: (text) => ({ name: "gentoo", version: redHatVersion(text) }) },
  { file: "/etc/SuSE-release", read: suse },
  { file: "/etc/arch-release", read: (_, files) => ({ name: "arch", version: files.lsb().version }) },
  { file: "/etc/alpine-release", read: (text) => ({ name: "alpine", version: firstLine(text) }) },
  { file: "/etc/os-release", read: (_, files) => files.os() },
];

/** Which distribution this is; `undefined` where none of the files that tell is there. */
export function linuxRelease(probe: HostProbe): LinuxRelease | undefined {
  const files = new Files(probe);
  for (const { file, read } of SIGNS) {
    const text = files.read(file);
    if (text.length <= HARDLY_ANYTHING) continue;
    const found = read(text, files);
    return found.name === "" ? undefined : found;
  }
  const { name, version } = files.lsb();
  return name === "" ? undefined : { name: name.toLowerCase(), version };
}

class Files {
  readonly #probe: HostProbe;

  constructor(probe: HostProbe) {
    this.#probe = probe;
  }

  /** @returns "" for a file that cannot be read */
  read(path: string): string {
    try {
      return this.#probe.readFile(path);
    } catch {
      return "";
    }
  }

  lsb(): LinuxRelease {
    const text = this.read("/etc/lsb-release");
    return { name: assigned(text, "DISTRIB_ID"), version: assigned(text, "DISTRIB_RELEASE") };
  }

  os(): LinuxRelease {
    const text = this.read("/etc/os-release");
    const name = assigned(text, "ID");
    return { name: name === "amzn" ? "amazon" : name, version: assigned(text, "VERSION_ID") };
  }
}

function debian(text: string, files: Files): LinuxRelease {
  const lsb = files.lsb();
  // Small images leave out `lsb-release`.
  const { name, version } = lsb.name === "" ? files.os() : lsb;
  const known = Object.hasOwn(DEBIAN_LIKE, name) ? DEBIAN_LIKE[name] : undefined;
  if (known !== undefined) return { name: known, version };
  const isRaspbian = files.read("/usr/bin/raspi-config") !== "";
  return { name: isRaspbian ? "raspbian" : "debian", version: firstLine(text) };
}

/** As in "Rocky Linux release 9.3 (Blue Onyx)". */
function redHat(text: string): LinuxRelease {
  const words = text.toLowerCase();
  const name = words.includes("red hat") ? "redhat" : (words.split(/\s/)[0] ?? "");
  return { name, version: redHatVersion(text) };
}

function redHatVersion(text: string): string {
  const words = text.toLowerCase();
  return words.includes("rawhide") ? "rawhide" : (/release (\w[\d.]*)/.exec(words)?.[1] ?? "");
}

function afterSlackware(text: string): string {
  return text.toLowerCase().replace("slackware ", "").trim();
}

function suse(text: string): LinuxRelease {
  const name = text.toLowerCase().includes("opensuse") ? "opensuse" : "suse";
  const version = /^VERSION = ([\d.]+)/m.exec(text)?.[1];
  const patch = /^PATCHLEVEL = (\d+)/m.exec(text)?.[1];
  return { name, version: [version, patch].filter((part) => part !== undefined).join(".") };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.trim() ?? "";
}

/** The value of `KEY=value` or `KEY="value"` on a line of its own; the last one counts. */
function assigned(text: string, key: string): string {
  const line = text.split("\n").findLast((candidate) => candidate.startsWith(`${key}=`));
  return (
    line
      ?.slice(key.length + 1)
      .trim()
      .replace(/^(["'])(.*)\1$/, "$2") ?? ""
  );
}
