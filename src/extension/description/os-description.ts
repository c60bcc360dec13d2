import type { HostProbe } from "./host-probe.js";
import { linuxRelease } from "./linux-release.js";

const MAC_VERSION = "/System/Library/CoreServices/SystemVersion.plist";
const MAC_VERSION_VALUE = /<key>ProductVersion<\/key>\s*<string>([^<]+)<\/string>/;

/**
 * The operating system in words, as the Collector's extension puts it: "Debian 12.11", "macOS 14.5", "Microsoft Windows
 * 11 Pro 10.0.22631"; just its type where nothing more can be found out. No process is started for it.
 *
 * @param type what to say where nothing more is known
 */
export function osDescription(probe: HostProbe, type: string): string {
  try {
    return detail(probe) ?? type;
  } catch {
    return type;
  }
}

function detail(probe: HostProbe): string | undefined {
  switch (probe.platform) {
    case "linux": {
      const found = linuxRelease(probe);
      return found && `${titleCase(found.name)} ${found.version}`.trimEnd();
    }
    case "darwin": {
      const version = MAC_VERSION_VALUE.exec(probe.readFile(MAC_VERSION))?.[1];
      return version && `macOS ${version.trim()}`;
    }
    case "win32":
      return `${withMaker(probe.version())} ${probe.release()}`;
    default:
      return undefined;
  }
}

function withMaker(product: string): string {
  return product.startsWith("Microsoft") ? product : `Microsoft ${product}`;
}

/** Every word with a capital first and small letters after it; a hyphen ends a word, an underscore does not. */
function titleCase(name: string): string {
  return name.toLowerCase().replace(/(?<![\p{L}\p{N}_'])\p{L}/gu, (letter) => letter.toUpperCase());
}
