import { readdirSync, readFileSync } from "node:fs";
import { attempt, isObject } from "../../base/checks.js";
import { OpAMPError } from "../../errors.js";
import { numberText } from "../picture/series.js";

/** What the system lets a process have; what is not known is left out. */
export interface Capacity {
  /** File descriptors that it may have open. */
  maxOpenFiles?: number | undefined;
  /** File descriptors that are open now. */
  openFiles: number;
  /** Ports of this machine from which connections to one address can be made. */
  ports?: number | undefined;
}

/** For names that are looked up, files that are read, and connections that replace others. */
const RESERVE = 64;
const PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range";

/** Reads the limits of this process and machine. */
export function readCapacity(): Capacity {
  const openFiles = attempt(() => readdirSync("/proc/self/fd").length, RESERVE);
  const ports = attempt(() => {
    const [first = 0, last = 0] = readFileSync(PORT_RANGE, "utf8").trim().split(/\s+/).map(Number);
    return last - first + 1;
  });
  return { maxOpenFiles: attempt(openFilesLimit), openFiles, ports };
}

/**
 * Whether there are file descriptors and ports for all agents.
 *
 * @param addresses how many addresses they connect to
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the limit
 */
export function checkCapacity(agents: number, addresses: number, { maxOpenFiles, openFiles, ports }: Capacity): void {
  const needed = agents + openFiles + RESERVE;
  if (maxOpenFiles !== undefined && needed > maxOpenFiles) {
    throw tooMany(
      agents,
      `${numberText(needed)} open files, and this process may have ${numberText(maxOpenFiles)} (ulimit -n)`,
      `raise the limit with \`ulimit -n ${needed}\`, LimitNOFILE of systemd or --ulimit of a container, or give fewer agents`,
    );
  }
  const allPorts = ports === undefined ? undefined : ports * Math.max(1, addresses);
  if (allPorts !== undefined && agents > allPorts) {
    throw tooMany(
      agents,
      `a local port each, and this machine has ${numberText(allPorts)} for one server (net.ipv4.ip_local_port_range)`,
      'widen the range with `sysctl -w net.ipv4.ip_local_port_range="1024 65535"`, give fewer agents, or run on more machines',
    );
  }
}

function tooMany(agents: number, needs: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `--agents: ${numberText(agents)} agents need ${needs}`, { hint });
}

/** Node raises the soft limit to the hard one when it starts. Windows has none. */
function openFilesLimit(): number | undefined {
  const report: unknown = process.report.getReport();
  const limits = isObject(report) ? report["userLimits"] : undefined;
  const openFiles = isObject(limits) ? limits["open_files"] : undefined;
  const soft = isObject(openFiles) ? openFiles["soft"] : undefined;
  return typeof soft === "number" ? soft : undefined;
}
