import { checkSendable } from "../auth/auth-extension.js";
import { readAuth } from "../auth/read-auth.js";
import type { SectionReader } from "../reader/section-reader.js";
import { readTlsKeys } from "../reader/tls-keys.js";
import type { Elsewhere } from "../reader/unknown-key.js";
import type { ElsewhereKeys } from "./elsewhere-keys.js";
import type { ExtensionConfig } from "./extension-config.js";

type Transport = ExtensionConfig["server"]["transport"];

const SCHEMES: Readonly<Record<Transport, readonly string[]>> = { ws: ["ws", "wss"], http: ["http", "https"] };
const EXAMPLES: Readonly<Record<Transport, string>> = {
  ws: "wss://opamp.example.com:4320/v1/opamp",
  http: "https://opamp.example.com:4320/v1/opamp",
};
/** In place of a server that is wrong. */
const NONE: ExtensionConfig["server"] = {
  transport: "ws",
  endpoint: "",
  tls: undefined,
  headers: {},
  auth: undefined,
  pollingIntervalMs: undefined,
};
const POLLING_INTERVAL_MS = 30_000;

/** `server`, which is `ws` or `http`. */
export function readServer(
  server: SectionReader,
  extensions: SectionReader | undefined,
  elsewhere: ElsewhereKeys,
): ExtensionConfig["server"] {
  const [ws, http] = [server.section("ws"), server.section("http")];
  server.done(elsewhere.server);
  if (ws !== undefined && http !== undefined) {
    server.refuse(undefined, "opamp server must have only ws or http set", "take away one of them");
  }
  const found = [
    ws && readTransport("ws", ws, extensions, elsewhere.ws),
    http && readTransport("http", http, extensions, elsewhere.http),
  ];
  const [first] = found.filter((one) => one !== undefined);
  if (first !== undefined) return first;
  const hint = `give ws or http with an endpoint, such as ${EXAMPLES.ws}`;
  server.lacks(["ws", "http"], "opamp server must have at least ws or http set", hint);
  return NONE;
}

function readTransport(
  transport: Transport,
  block: SectionReader,
  extensions: SectionReader | undefined,
  elsewhere: Elsewhere,
): ExtensionConfig["server"] {
  const pollingIntervalMs = transport === "http" ? readPollingInterval(block) : undefined;
  const endpoint = block.text("endpoint") ?? "";
  const tlsBlock = block.section("tls");
  const headers = Object.entries(block.textMap("headers"));
  block.ignore("auth");
  block.done(elsewhere);
  const tls = tlsBlock && readTlsKeys(tlsBlock);
  const scheme = schemeOf(transport, block, endpoint);
  const isSecure = scheme === "wss" || scheme === "https";
  if (tls !== undefined && tlsBlock !== undefined) {
    if (isSecure) tlsBlock.need(undefined, { kind: "tls", tls });
    else if (scheme !== "") tlsBlock.note(undefined, `has no effect: a ${scheme} URL has no TLS`);
  }
  if (isSecure && tlsBlock?.flag("insecure", false) === true) {
    tlsBlock.note("insecure", `has no effect: a ${scheme} URL has TLS`);
  }
  const headerBlock = block.sectionOrEmpty("headers");
  for (const [name, value] of headers) checkSendable(headerBlock, name, name, value);
  const auth = readAuth(block, "auth", extensions);
  const base = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
  return {
    transport,
    endpoint,
    tls: isSecure ? tls : undefined,
    // What an auth extension may take away must not come from another source.
    headers: Object.fromEntries(headers.filter(([name]) => !auth?.removes?.has(name.toLowerCase()))),
    auth: auth && ((context) => auth.apply(base, context)),
    pollingIntervalMs,
  };
}

/** @returns an empty text for an endpoint that is wrong */
function schemeOf(transport: Transport, block: SectionReader, endpoint: string): string {
  if (endpoint === "") {
    const hint = `give the server's URL, such as ${EXAMPLES[transport]}`;
    block.lacks("endpoint", "opamp server endpoint must be provided", hint);
    return "";
  }
  const scheme = URL.canParse(endpoint) ? new URL(endpoint).protocol.slice(0, -1) : "";
  if (SCHEMES[transport].includes(scheme)) return scheme;
  const other: Transport = transport === "ws" ? "http" : "ws";
  const problem = `must be a ${SCHEMES[transport].join(" or ")} URL`;
  const example = EXAMPLES[transport];
  const isOther = SCHEMES[other].includes(scheme);
  const hint = isOther
    ? `put a ${scheme} URL under server.${other}, or write ${example}`
    : `write it such as ${example}`;
  block.refuse("endpoint", problem, hint);
  return "";
}

function readPollingInterval(http: SectionReader): number {
  const ms = http.durationMs("polling_interval") ?? 0;
  if (ms < 0) http.refuse("polling_interval", "polling interval must be 0 or greater", "write it such as 30s");
  return ms === 0 ? POLLING_INTERVAL_MS : ms;
}
