import { envHeaders } from "../../auth/env-headers.js";
import { fileSecret } from "../../auth/file-secret.js";
import { parsePairs } from "../../auth/key-value-pairs.js";
import { bearerAuth } from "../../auth/static-credentials.js";
import type { OpAMPClientOptions } from "../../client/options.js";
import { OpAMPError } from "../../errors.js";
import { fileStore } from "../../store/file-store.js";
import type { Store } from "../../store/store.js";
import { checkHeader, type HeaderSource } from "../../transport/settings/headers.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import type { Description } from "../../values/description.js";
import { parseInstanceUid } from "../../values/instance-uid.js";
import { editDistance, nearest } from "../reader/nearest.js";
import { EnvReader, envNames } from "./env-reader.js";

/** Where {@link fromEnv} looks. */
export interface FromEnvOptions {
  /** What the variables' names begin with. Default `OTEL_OPAMP`. */
  prefix?: string;
  /** Default `process.env`. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Makes the store that keeps state in the directory of `OTEL_OPAMP_STATE_DIRECTORY`. Default {@link fileStore}. */
  storeAt?: (directory: string) => Store;
}

/** The client's options, with a description that is no function. */
export type EnvOptions = OpAMPClientOptions & { description: Description };

/** What the environment says, with what needs more than an option to be used. */
export interface EnvSettings {
  options: EnvOptions;
  /** Where state is to be kept. */
  stateDirectory: string | undefined;
}

/** Nearer than this, an unknown name is a slip of a known one; Kubernetes puts others beside them. */
const SLIP = 2;
const IDENTIFYING = new Set(["service.name", "service.version", "service.namespace", "service.instance.id"]);

/**
 * The client's options as the environment has them: `OTEL_OPAMP_ENDPOINT` and others with the same prefix, and the
 * description by `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`. To be spread, with what the environment cannot say.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the variable, never with its value
 */
export function fromEnv({ storeAt = fileStore, ...from }: FromEnvOptions = {}): EnvOptions {
  const { options, stateDirectory } = readEnv(from);
  return stateDirectory === undefined ? options : { ...options, store: storeAt(stateDirectory) };
}

/**
 * Reads what the environment says about the server and the agent. A variable that is empty counts as not set.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the variable, never with its value
 */
export function readEnv({
  prefix = "OTEL_OPAMP",
  env = process.env,
}: Omit<FromEnvOptions, "storeAt"> = {}): EnvSettings {
  refuseSlips(prefix, env);
  const reader = new EnvReader(prefix, env);
  const url = reader.text("ENDPOINT");
  if (url === undefined) {
    throw reader.wrong(
      "ENDPOINT",
      "is not set",
      "set it to the server's URL, such as wss://opamp.example.com/v1/opamp",
    );
  }
  const instanceUid = readInstanceUid(reader);
  const intervalMs = reader.intervalMs("HEARTBEAT_INTERVAL");
  const compression = reader.word("COMPRESSION", { gzip: true, true: true, none: false, false: false });
  const transport = reader.word("TRANSPORT", { auto: "auto" } as const);
  const tls = readTls(reader);
  const headers = readHeaderSources(reader, env);
  return {
    options: {
      url,
      description: readDescription(env),
      ...(headers.length > 0 && { headers }),
      ...(Object.keys(tls).length > 0 && { tls }),
      ...(intervalMs !== undefined && { heartbeat: { intervalMs } }),
      ...(instanceUid !== undefined && { instanceUid }),
      ...(compression !== undefined && { compression }),
      ...(transport !== undefined && { transport }),
    },
    stateDirectory: reader.text("STATE_DIRECTORY"),
  };
}

function readInstanceUid(reader: EnvReader): string | undefined {
  const given = reader.text("INSTANCE_UID");
  if (given === undefined) return undefined;
  try {
    parseInstanceUid(given);
    return given;
  } catch (thrown) {
    if (!(thrown instanceof OpAMPError)) throw thrown;
    throw reader.wrong("INSTANCE_UID", "is no instance uid", "set it to a UUID or a ULID, or to nothing");
  }
}

function readTls(reader: EnvReader): TlsOptions {
  const [ca, cert, key] = [reader.text("CERTIFICATE"), reader.text("CLIENT_CERTIFICATE"), reader.text("CLIENT_KEY")];
  const serverName = reader.text("SERVER_NAME");
  const insecureSkipVerify = reader.word("INSECURE_SKIP_VERIFY", { true: true, false: false });
  if (cert !== undefined && key === undefined) {
    throw reader.wrong("CLIENT_KEY", "is not set", `it belongs to ${reader.nameOf("CLIENT_CERTIFICATE")}`);
  }
  if (key !== undefined && cert === undefined) {
    throw reader.wrong("CLIENT_CERTIFICATE", "is not set", `it belongs to ${reader.nameOf("CLIENT_KEY")}`);
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
    ...(insecureSkipVerify === true && { insecureSkipVerify }),
  };
}

function readHeaderSources(reader: EnvReader, env: Readonly<Record<string, string | undefined>>): HeaderSource[] {
  const sources: HeaderSource[] = [];
  const headers = reader.text("HEADERS");
  const tokenFile = reader.text("TOKEN_FILE");
  if (headers !== undefined) {
    const pairs = parsePairs(headers);
    if (typeof pairs === "string") throw reader.wrong("HEADERS", pairs, "write it as name=value,other=value");
    for (const [index, [name, value]] of Object.entries(pairs).entries()) checkPair(reader, index + 1, name, value);
    sources.push(envHeaders(reader.nameOf("HEADERS"), env));
  }
  if (tokenFile !== undefined) sources.push(bearerAuth(fileSecret(tokenFile)));
  return sources;
}

function checkPair(reader: EnvReader, place: number, name: string, value: string): void {
  try {
    checkHeader(name, value);
  } catch (thrown) {
    if (!(thrown instanceof OpAMPError)) throw thrown;
    throw reader.wrong("HEADERS", `pair ${place} cannot be sent as a header`, thrown.hint ?? "correct it");
  }
}

/** As OpenTelemetry's SDKs name a service that nobody named. */
const UNNAMED = "unknown_service:node";

function readDescription(env: Readonly<Record<string, string | undefined>>): Description {
  const given = parsePairs(env["OTEL_RESOURCE_ATTRIBUTES"] ?? "");
  if (typeof given === "string") {
    throw new OpAMPError("ERR_OPAMP_OPTION", `OTEL_RESOURCE_ATTRIBUTES: ${given}`, {
      hint: "write it as name=value,other=value, percent-encoded",
    });
  }
  const name = env["OTEL_SERVICE_NAME"]?.trim() || given["service.name"] || UNNAMED;
  const pairs = Object.entries({ ...given, "service.name": name });
  return {
    identifying: Object.fromEntries(pairs.filter(([key]) => IDENTIFYING.has(key))),
    nonIdentifying: Object.fromEntries(pairs.filter(([key]) => !IDENTIFYING.has(key))),
  };
}

function refuseSlips(prefix: string, env: Readonly<Record<string, string | undefined>>): void {
  const known = envNames.map((name) => `${prefix}_${name}`);
  for (const name of Object.keys(env)) {
    if (!name.startsWith(`${prefix}_`) || known.includes(name)) continue;
    const meant = nearest(name, known);
    if (meant === undefined || editDistance(name, meant) > SLIP) continue;
    throw new OpAMPError("ERR_OPAMP_OPTION", `${name}: is no known variable; ${meant} is`, { hint: `set ${meant}` });
  }
}
