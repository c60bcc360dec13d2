import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import type { TransportName } from "../fixture.js";

const program = fileURLToPath(new URL("../bin/opamp/main.js", import.meta.url));

/** `opamp agent` in a process of its own. */
export interface AgentProcess {
  /** What it logged so far. */
  readonly log: string;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

/** Writes the file of an agent whose state is in the same folder. */
export function writeAgentFile(
  folder: string,
  transport: TransportName,
  endpoint: string,
  settings: Readonly<Record<string, unknown>> = {},
): void {
  const polling = transport === "http" ? { polling_interval: "50ms" } : {};
  const headers = { Authorization: "Bearer bootstrap" };
  const file = {
    extensions: { opamp: { server: { [transport]: { endpoint, headers, ...polling } } } },
    service: { extensions: ["opamp"], telemetry: { resource: { "service.name": "interop" } } },
    storage: { directory: join(folder, "state") },
    connection_settings: { accept: true, ...settings },
    backoff: { min: "20ms", max: "100ms" },
    log: { level: "debug" },
  };
  writeFileSync(join(folder, "opamp.yaml"), stringify(file));
}

/** Starts it on such a file; it ends with the test at the latest. */
export function startAgentProcess(folder: string): AgentProcess {
  const args = [program, "agent", "--config", join(folder, "opamp.yaml")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = once(child, "close");
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(kill);
  return {
    get log() {
      return log;
    },
    kill,
  };
}
