import { OpAMPError } from "../../errors.js";
import { parseDuration } from "../reader/durations.js";

/** What comes after the prefix. */
export const envNames = [
  "ENDPOINT",
  "HEADERS",
  "HEARTBEAT_INTERVAL",
  "CERTIFICATE",
  "CLIENT_CERTIFICATE",
  "CLIENT_KEY",
  "INSECURE_SKIP_VERIFY",
  "SERVER_NAME",
  "TOKEN_FILE",
  "INSTANCE_UID",
  "STATE_DIRECTORY",
  "COMPRESSION",
  "TRANSPORT",
] as const;

type Name = (typeof envNames)[number];

/** Reads variables that share a prefix; one that is empty counts as not set. */
export class EnvReader {
  readonly #prefix: string;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(prefix: string, env: Readonly<Record<string, string | undefined>>) {
    this.#prefix = prefix;
    this.#env = env;
  }

  nameOf(name: Name): string {
    return `${this.#prefix}_${name}`;
  }

  text(name: Name): string | undefined {
    return this.#env[this.nameOf(name)]?.trim() || undefined;
  }

  /** One of some words, in any case, by what it means. */
  word<T>(name: Name, meanings: Readonly<Record<string, T>>): T | undefined {
    const given = this.text(name)?.toLowerCase();
    if (given === undefined) return undefined;
    if (Object.hasOwn(meanings, given)) return meanings[given];
    throw this.wrong(name, `must be one of ${Object.keys(meanings).join(", ")}`, "set it to one of these words");
  }

  /** A duration as Go writes it, or milliseconds, as OpenTelemetry's variables have them. */
  intervalMs(name: Name): number | undefined {
    const given = this.text(name);
    if (given === undefined) return undefined;
    const ms = /^\d+$/.test(given) ? Number(given) : parseDuration(given);
    if (ms !== undefined && ms > 0) return ms;
    throw this.wrong(name, "must be a duration above 0", "set it to milliseconds, or such as 30s");
  }

  wrong(name: Name, problem: string, hint: string): OpAMPError {
    return new OpAMPError("ERR_OPAMP_OPTION", `${this.nameOf(name)}: ${problem}`, { hint });
  }
}
