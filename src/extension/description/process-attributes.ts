import { userInfo } from "node:os";
import { basename } from "node:path";
import type { Attributes } from "../../values/attributes.js";

/** What is looked at to tell what process this is. */
export interface ProcessProbe {
  readonly pid: number;
  readonly execPath: string;
  readonly argv: readonly string[];
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
export function processAttributes({ probe = currentProcess() }: { probe?: ProcessProbe } = {}): Attributes {
  const [, script] = probe.argv;
  return {
    "process.pid": probe.pid,
    "process.executable.name": basename(probe.execPath),
    "process.executable.path": probe.execPath,
    "process.command": script,
    "process.runtime.name": "nodejs",
    "process.runtime.version": probe.nodeVersion,
    "process.runtime.description": "Node.js",
    "process.owner": ownerOf(probe),
  };
}

function currentProcess(): ProcessProbe {
  const { pid, execPath, argv, versions } = process;
  return { pid, execPath, argv, nodeVersion: versions.node, owner: () => userInfo().username };
}

function ownerOf(probe: ProcessProbe): string | undefined {
  try {
    return probe.owner();
  } catch {
    return undefined;
  }
}
