import type { Explanation } from "./explain.js";
import { portHint } from "./explain-content.js";
import {
  BODIES,
  CHECK_PATH,
  NOT_UPGRADED,
  OTHERWISE,
  REDIRECT,
  STATUSES,
  type StatusRow,
  USUAL_PATH,
  WEB_PAGE,
} from "./explain-status-table.js";

/** Response headers as Node and undici give them. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An HTTP answer that carries no OpAMP. */
export interface RefusedAnswer {
  status: number;
  headers: ResponseHeaders;
  /** The first bytes of its body, where they were read. */
  start?: Uint8Array | undefined;
}

/** Whether the body of such an answer can tell more than its status. Only its first bytes are of use. */
export function bodyTells(status: number): boolean {
  return status === 400;
}

/** A status other than success; for an upgrade, any but 101. */
export function explainStatus({ status, headers, start }: RefusedAnswer, url: URL): Explanation {
  const isUpgrade = url.protocol.startsWith("ws");
  const row = bodyRow(status, start) ?? STATUSES[status] ?? classRow(status);
  const byPort = row.elsewhere === true ? portHint(url) : undefined;
  const byPage = row === NOT_UPGRADED && isPage(headers) ? WEB_PAGE : undefined;
  const hint = byPort ?? byPage ?? atPath((isUpgrade ? row.upgrade : row.post) ?? row.hint, url);
  const reasons = [row.says, challenge(status, headers)].filter((part) => part !== "").join("; ");
  const says = reasons === "" || row === NOT_UPGRADED ? ` ${reasons}` : `: ${reasons}`;
  return {
    code: row.code ?? "ERR_OPAMP_HTTP_STATUS",
    says: `${softwareOf(headers)}${says}`.trimEnd(),
    hint: inScheme(hint, url),
  };
}

function bodyRow(status: number, start: Uint8Array | undefined): StatusRow | undefined {
  if (start === undefined || !bodyTells(status)) return undefined;
  const text = Buffer.from(start).toString("latin1");
  return BODIES.find(({ contains }) => contains.test(text));
}

function classRow(status: number): StatusRow {
  if (status < 300) return NOT_UPGRADED;
  return status < 400 ? REDIRECT : OTHERWISE;
}

/** Pointing at the usual path does not help where the URL has it already. */
function atPath(hint: string, { pathname }: URL): string {
  return pathname === USUAL_PATH
    ? hint.replace(CHECK_PATH, "check host and port, and ask which path the server uses")
    : hint;
}

/** Fills in schemes: as safe as the URL's own, or with TLS. */
function inScheme(hint: string, { protocol }: URL): string {
  const s = protocol === "wss:" || protocol === "https:" ? "s" : "";
  const secure = protocol.startsWith("ws") ? "wss://" : "https://";
  return hint.replace("{tls}", secure).replace("{http}", `http${s}://`).replace("{ws}", `ws${s}://`);
}

/** What people put in front of servers. Only names that are known, since a server may put anything here. */
const SOFTWARE =
  /^(nginx|openresty|envoy|istio-envoy|haproxy|apache|caddy|traefik|varnish|squid|kong|cloudflare|awselb|gws|microsoft-iis|microsoft-azure)\b/i;

/** Who answered: a gateway's own answers look like those of the server behind it. */
function softwareOf({ server }: ResponseHeaders): string {
  const name = SOFTWARE.exec([server ?? ""].flat()[0] ?? "")?.[1];
  return name === undefined ? "" : ` (${name})`;
}

function isPage(headers: ResponseHeaders): boolean {
  return /^text\/html\b/i.test([headers["content-type"] ?? ""].flat()[0] ?? "");
}

const SCHEMES = /^(Basic|Bearer|Digest|DPoP|HOBA|Negotiate|NTLM|OAuth|SCRAM-SHA-\d+|AWS4-HMAC-SHA256|ApiKey)\b/i;

/** Which kind of credentials is wanted. Only the known ones, likewise. */
function challenge(status: number, headers: ResponseHeaders): string {
  const given =
    status === 401 ? headers["www-authenticate"] : status === 407 ? headers["proxy-authenticate"] : undefined;
  const schemes = [given ?? []].flat().flatMap((value) => SCHEMES.exec(value)?.[1] ?? []);
  return schemes.length === 0 ? "" : `it wants ${[...new Set(schemes)].join(" or ")}`;
}
