import { limitMs } from "../../extension/reader/limit-ms.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import type { Command } from "../commands/run-command.js";
import { commandOf } from "./command-keys.js";

/** Healthy is exit code 0 of a command, or a status from 200 to 299 of a URL (http or https; redirects are not followed). */
export type HealthCheckSettings = { readonly command: Command } | { readonly url: string };

/** How a program, or one of its components, is checked. */
export interface HealthNode {
  readonly check: HealthCheckSettings | undefined;
  readonly components: Readonly<Record<string, HealthNode>>;
}

/** How often checks are made. */
export interface HealthTimes {
  /** From the end of a check to the next, in milliseconds. */
  readonly intervalMs: number;
  /** For one check, in milliseconds; then it has failed. */
  readonly timeoutMs: number;
}

/** The section `health`. */
export interface HealthSettings extends HealthNode, HealthTimes {}

const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 5_000;
const FORM = "give either url, such as http://127.0.0.1:13133/, or command";

/** The checks: of the program as a whole, of its components by name, and of theirs. */
export function readHealth(section: SectionReader): HealthSettings {
  const intervalMs = limitMs(section, "interval") ?? INTERVAL_MS;
  const timeoutMs = limitMs(section, "timeout") ?? TIMEOUT_MS;
  return { ...readNode(section), intervalMs, timeoutMs };
}

function readNode(section: SectionReader): HealthNode {
  const check = readCheck(section);
  const inner = section.sectionOrEmpty("components");
  section.done({ endpoint: "write url" });
  if (inner.keys.includes("")) inner.refuse("", "must have a name", "give the component a name");
  const components = Object.fromEntries(inner.keys.map((name) => [name, readNode(inner.sectionOrEmpty(name))]));
  if (check === undefined && Object.keys(components).length === 0) {
    section.lacks(["url", "command", "components"], "checks nothing", FORM);
  }
  return { check, components };
}

function readCheck(section: SectionReader): HealthNode["check"] {
  const url = section.text("url");
  const command = commandOf(section, "command");
  if (url === undefined) return command === undefined ? undefined : { command };
  if (command !== undefined) return section.refuse("command", "is one check too many", FORM);
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return { url };
  return section.refuse("url", "must be an http or https URL", FORM);
}
