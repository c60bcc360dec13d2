import type { OpAMPErrorCode } from "../../errors.js";
import { isSecure } from "../url/endpoint.js";
import type { Explanation } from "./explain.js";
import { portHint } from "./explain-content.js";

/** Response headers as Node and undici give them. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a status means. */
interface StatusRow {
  /** Default `ERR_OPAMP_HTTP_STATUS`. */
  code?: OpAMPErrorCode;
  says: string;
  hint: string;
  /** The hint where the answer was to an upgrade. */
  upgrade?: string;
  /** The hint where the answer was to a POST. */
  post?: string;
  /** Whether another server may be listening on this port. */
  elsewhere?: true;
}

/** Where OpAMP servers listen unless they say otherwise. */
const USUAL_PATH = "/v1/opamp";
const CHECK_PATH = `check the URL's path (the usual one is ${USUAL_PATH})`;
const SERVER_LOG = "look at the server's log";
const GATEWAY =
  "a gateway answers in place of the server: check that the server behind it is up, and the gateway's log";
const ONE_TRANSPORT = {
  upgrade: `it may accept plain HTTP only: use {http}, or transport: "auto"; or ${CHECK_PATH}`,
  post: `it may accept WebSocket only: use {ws}; or ${CHECK_PATH}`,
};

const STATUSES: Readonly<Record<number, StatusRow>> = {
  400: { says: "it does not understand the request", hint: SERVER_LOG, ...ONE_TRANSPORT, elsewhere: true },
  401: {
    code: "ERR_OPAMP_UNAUTHORIZED",
    says: "the credentials are not accepted",
    hint: "check the credentials that `headers` supplies",
  },
  403: {
    code: "ERR_OPAMP_UNAUTHORIZED",
    says: "the credentials give no access",
    hint: `check what the credentials that \`headers\` supplies may do; and ${CHECK_PATH}`,
  },
  404: {
    says: "nothing is there",
    hint: CHECK_PATH,
    upgrade: `${CHECK_PATH}; a server that accepts plain HTTP only may answer like this too: then use {http}`,
    elsewhere: true,
  },
  405: { says: "it does not accept this method", hint: CHECK_PATH, ...ONE_TRANSPORT, elsewhere: true },
  407: {
    code: "ERR_OPAMP_PROXY",
    says: "a proxy in between requires other credentials",
    hint: "put the proxy's user and password into the URL of the `proxy` option, or of HTTP_PROXY and HTTPS_PROXY",
  },
  408: { says: "the request took too long to arrive", hint: "check the network for loss, and proxies in between" },
  411: {
    says: "it requires a Content-Length",
    hint: "look at the proxy in between, which drops Content-Length",
  },
  413: {
    code: "ERR_OPAMP_TOO_LARGE",
    says: "the message is too large for it",
    hint: "make the message smaller, an effective config most likely, or raise the limit of the server and of any proxy",
  },
  414: { says: "the URL is too long for it", hint: "shorten the URL's path and query" },
  415: {
    says: "it does not accept this content type",
    hint: `it is not an OpAMP server, or does not accept compression (compression: false); ${CHECK_PATH}`,
    elsewhere: true,
  },
  421: {
    says: "it does not serve this host name",
    hint: "check the URL's host, tls.serverName and the proxy's routes",
  },
  426: {
    says: "it requires another protocol",
    hint: CHECK_PATH,
    upgrade: 'something in between does not let WebSocket through: use {http}, or transport: "auto"',
    post: "it accepts WebSocket only: use {ws}",
  },
  429: { code: "ERR_OPAMP_THROTTLED", says: "it is too busy", hint: "the client comes back by itself after the pause" },
  431: { says: "the request's headers are too large for it", hint: "supply fewer or shorter `headers`" },
  500: { says: "it failed", hint: SERVER_LOG },
  501: { says: "it cannot do this", hint: CHECK_PATH, ...ONE_TRANSPORT },
  502: { says: "a gateway gets no usable answer from the server", hint: GATEWAY },
  503: {
    code: "ERR_OPAMP_THROTTLED",
    says: "it is too busy",
    hint: "the client comes back by itself after the pause; if it stays so, the server may be down behind its gateway",
  },
  504: { says: "a gateway gets no answer from the server in time", hint: GATEWAY },
  511: {
    says: "this network requires a login first",
    hint: "log in to the network (a captive portal), or use another one",
  },
};

const REDIRECT: StatusRow = {
  says: "a redirect that cannot be followed",
  hint: "redirects are not followed without a Location: correct the server, or give the URL that it means",
};

const NOT_UPGRADED: StatusRow = {
  code: "ERR_OPAMP_NOT_OPAMP",
  says: "instead of upgrading",
  hint: `it does not accept WebSocket there: use {http}, or transport: "auto"; or ${CHECK_PATH}`,
  elsewhere: true,
};

const OTHERWISE: StatusRow = { says: "", hint: `${CHECK_PATH}, and ${SERVER_LOG}` };

const WEB_PAGE = "a web page answers there: check host, port and path";

/** What servers write into the body of a 400, in their own words. */
const BODIES: readonly (Omit<StatusRow, "elsewhere"> & { contains: RegExp })[] = [
  {
    contains:
      /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP to an SSL/i,
    code: "ERR_OPAMP_TLS",
    says: "it expects TLS",
    hint: "use {tls}",
  },
  {
    contains: /No required SSL certificate was sent/i,
    code: "ERR_OPAMP_TLS",
    says: "it demands a client certificate",
    hint: "give tls.cert and tls.key",
  },
  {
    contains: /The SSL certificate error/i,
    code: "ERR_OPAMP_TLS",
    says: "it refuses the client certificate",
    hint: "check the authority and the dates of the certificate given as tls.cert",
  },
  {
    contains: /not using the websocket protocol/i,
    says: "it accepts WebSocket only",
    hint: "use {ws}",
    upgrade:
      'a proxy in between drops the Upgrade header: configure it to forward that header, or use {http} or transport: "auto"',
  },
];

/** Whether the body of such an answer can tell more than its status. Only its first bytes are of use. */
export function bodyTells(status: number): boolean {
  return status === 400;
}

/**
 * What an answer means that carries no OpAMP: a status other than success, or for an upgrade any but 101.
 *
 * @param start the first bytes of its body, where they were read
 */
export function explainStatus(status: number, headers: ResponseHeaders, url: URL, start?: Uint8Array): Explanation {
  const isUpgrade = url.protocol.startsWith("ws");
  const row = bodyRow(status, start) ?? STATUSES[status] ?? classRow(status);
  const byPort = row.elsewhere === true ? portHint(url) : undefined;
  const isPage = /^text\/html\b/i.test(single(headers["content-type"]) ?? "");
  const byPage = row === NOT_UPGRADED && isPage ? WEB_PAGE : undefined;
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
  const s = isSecure(protocol) ? "s" : "";
  const secure = protocol.startsWith("ws") ? "wss://" : "https://";
  return hint.replace("{tls}", secure).replace("{http}", `http${s}://`).replace("{ws}", `ws${s}://`);
}

/** What people put in front of servers. Only names that are known, since a server may put anything here. */
const SOFTWARE =
  /^(nginx|openresty|envoy|istio-envoy|haproxy|apache|caddy|traefik|varnish|squid|kong|cloudflare|awselb|gws|microsoft-iis|microsoft-azure)\b/i;

/** Who answered: a gateway's own answers look like those of the server behind it. */
function softwareOf({ server }: ResponseHeaders): string {
  const name = SOFTWARE.exec(single(server) ?? "")?.[1];
  return name === undefined ? "" : ` (${name})`;
}

const SCHEMES = /^(Basic|Bearer|Digest|DPoP|HOBA|Negotiate|NTLM|OAuth|SCRAM-SHA-\d+|AWS4-HMAC-SHA256|ApiKey)\b/i;

/** Which kind of credentials is wanted. Only the known ones, likewise. */
function challenge(status: number, headers: ResponseHeaders): string {
  const given =
    status === 401 ? headers["www-authenticate"] : status === 407 ? headers["proxy-authenticate"] : undefined;
  const schemes = [given ?? []].flat().flatMap((value) => SCHEMES.exec(value)?.[1] ?? []);
  return schemes.length === 0 ? "" : `it asks for ${[...new Set(schemes)].join(" or ")}`;
}

/** The first value of a header that may be there several times. */
export function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
