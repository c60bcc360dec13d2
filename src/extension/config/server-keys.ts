import type { HeaderRecord, HeaderSource } from "../../transport/settings/headers.js";
import { type AuthExtension, checkSendable } from "../auth/auth-extension.js";
import { readAuth } from "../auth/read-auth.js";
import type { SectionReader } from "../reader/section-reader.js";
import { readTlsKeys } from "../reader/tls-keys.js";
import type { ExtensionConfig } from "./extension-config.js";

type Transport = ExtensionConfig["server"]["transport"];

const SCHEMES: Readonly<Record<Transport, readonly string[]>> = { ws: ["ws", "wss"], http: ["http", "https"] };
const EXAMPLES: Readonly<Record<Transport, string>> = {
  ws: "wss://opamp.example.com:4320/v1/opamp",
  http: "https://opamp.example.com:4320/v1/opamp",
};
const POLLING_INTERVAL_MS = 30_000;

/** `server`, which is `ws` or `http`. */
export function readServer(server: SectionReader, extensions: SectionReader | undefined): ExtensionConfig["server"] {
  const [ws, http] = [server.section("ws"), server.section("http")];
  server.done();
  if (ws !== undefined && http !== undefined) {
    throw server.wrong(undefined, "opamp server must have only ws or http set", "take away one of them");
  }
  if (ws !== undefined) return { ...readTransport("ws", ws, extensions, undefined), pollingIntervalMs: undefined };
  if (http !== undefined) {
    const pollingIntervalMs = readPollingInterval(http);
    return { ...readTransport("http", http, extensions, "polling_interval"), pollingIntervalMs };
  }
  const hint = `give ws or http with an endpoint, such as ${EXAMPLES.ws}`;
  throw server.wrong(undefined, "opamp server must have at least ws or http set", hint);
}

function readTransport(
  transport: Transport,
  block: SectionReader,
  extensions: SectionReader | undefined,
  more: string | undefined,
): Omit<ExtensionConfig["server"], "pollingIntervalMs"> {
  const given = block.text("endpoint") ?? "";
  const tlsBlock = block.section("tls");
  const headers = block.textMap("headers");
  block.ignore("auth", ...(more === undefined ? [] : [more]));
  block.done();
  const tls = tlsBlock === undefined ? undefined : readTlsKeys(tlsBlock);
  const scheme = schemeOf(transport, block, given);
  const headerBlock = block.sectionOrEmpty("headers");
  for (const [name, value] of Object.entries(headers)) checkSendable(headerBlock, name, name, value);
  const auth = readAuth(block, "auth", extensions);
  return {
    transport,
    endpoint: given,
    tls: scheme === "wss" || scheme === "https" ? tls : undefined,
    headers: auth === undefined ? headers : kept(headers, auth),
    auth: auth === undefined ? undefined : sourceOf(auth, headers),
  };
}

function schemeOf(transport: Transport, block: SectionReader, endpoint: string): string {
  if (endpoint === "") {
    const hint = `give the server's URL, such as ${EXAMPLES[transport]}`;
    throw block.wrong("endpoint", "opamp server endpoint must be provided", hint);
  }
  const scheme = URL.canParse(endpoint) ? new URL(endpoint).protocol.slice(0, -1) : "";
  if (SCHEMES[transport].includes(scheme)) return scheme;
  const other: Transport = transport === "ws" ? "http" : "ws";
  const problem = `must be a ${SCHEMES[transport].join(" or ")} URL`;
  if (!SCHEMES[other].includes(scheme))
    throw block.wrong("endpoint", problem, `write it such as ${EXAMPLES[transport]}`);
  throw block.wrong("endpoint", problem, `put a ${scheme} URL under server.${other}, or write ${EXAMPLES[transport]}`);
}

function readPollingInterval(http: SectionReader): number {
  const ms = http.durationMs("polling_interval") ?? 0;
  if (ms < 0) throw http.wrong("polling_interval", "polling interval must be 0 or greater", "write it such as 30s");
  return ms === 0 ? POLLING_INTERVAL_MS : ms;
}

/** What an auth extension may take away must not come from another source. */
function kept(headers: HeaderRecord, { removes }: AuthExtension): HeaderRecord {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !removes.has(name.toLowerCase())));
}

function sourceOf(auth: AuthExtension, headers: HeaderRecord): HeaderSource {
  const base = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (context) => auth.apply(base, context);
}
