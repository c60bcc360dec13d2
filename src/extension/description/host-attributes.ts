import type { Attributes } from "../../values/attributes.js";
import { type HostProbe, systemProbe } from "./host-probe.js";
import { osDescription } from "./os-description.js";

/** Go's names of systems, where Node has another one. */
const GO_SYSTEMS: Readonly<Record<string, string>> = { win32: "windows", cygwin: "windows", sunos: "solaris" };
/** Go's names of processors, where Node has another one. */
const GO_PROCESSORS: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mipsel: "mipsle" };

/**
 * What the Collector's extension finds out about the machine, in the same words: `os.type` and `host.arch` as Go calls
 * them, `os.description` ("Debian 12.11", "macOS 14.5"), and `host.name`, which is left out where there is none.
 *
 * Reads a few small files at once. On Windows the description ends in the build ("10.0.22631"), where the Collector's has
 * the marketing version ("23H2") from the registry.
 *
 * @param options.probe what to look at. Default: this machine.
 */
export function hostAttributes({ probe = systemProbe() }: { probe?: HostProbe } = {}): Attributes {
  const type = GO_SYSTEMS[probe.platform] ?? probe.platform;
  return {
    "os.type": type,
    "os.description": osDescription(probe, type),
    "host.arch": processor(probe),
    "host.name": hostName(probe),
  };
}

function processor({ arch, endianness }: HostProbe): string {
  if (arch === "ppc64" && endianness === "LE") return "ppc64le";
  return GO_PROCESSORS[arch] ?? arch;
}

function hostName(probe: HostProbe): string | undefined {
  try {
    return probe.hostname();
  } catch {
    return undefined;
  }
}
