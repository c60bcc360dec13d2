import type { OpAMPErrorCode } from "../../errors.js";
import { isSecure } from "../url/endpoint.js";
import { type Explanation, type Failure, otherScheme, type Stage } from "./explain.js";

/** What a failure below HTTP means; `code` where it is neither a failed dial nor a break. */
interface Row {
  code?: OpAMPErrorCode;
  says: string;
  hint: string;
}

const FORBIDDEN: Row = {
  says: "this machine forbids it",
  hint: "a local firewall or policy forbids the connection: allow it there",
};
const DOWN = "check this machine's network, its routes and its VPN";
const HUNG_UP = "the other side hung up";

const ROWS: Readonly<Record<string, Row>> = {
  ENOTFOUND: {
    says: "the host name does not resolve",
    hint: "check the spelling of the host name, and this machine's DNS",
  },
  EAI_AGAIN: {
    says: "the host name does not resolve for now: DNS gives no answer",
    hint: "check that this machine reaches its DNS server",
  },
  ECONNREFUSED: {
    says: "the connection was refused",
    hint: "nothing listens there: check that the server is up, and the port (OpAMP's default is 4320)",
  },
  EHOSTUNREACH: { says: "there is no route to the host", hint: DOWN },
  EHOSTDOWN: { says: "the host is down", hint: `check that the host is up, and ${DOWN}` },
  ENETUNREACH: { says: "there is no route to the host's network", hint: DOWN },
  ENETDOWN: { says: "the network is down", hint: DOWN },
  EADDRNOTAVAIL: { says: "this machine has no address to connect from", hint: DOWN },
  ETIMEDOUT: {
    says: "nobody answered",
    hint: "the host is down, or a firewall drops what is sent to it: check both, and the port",
  },
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EMFILE: { says: "too many files are open here", hint: "raise this process's limit on open files (ulimit -n)" },
  ENFILE: { says: "too many files are open here", hint: "raise this machine's limit on open files" },
  ECONNABORTED: { says: "this machine aborted the connection", hint: DOWN },
  HPE_INVALID_EOF_STATE: {
    code: "ERR_OPAMP_CLOSED",
    says: "the answer was cut short",
    hint: "the server or a proxy in between ended the connection within an answer: look at its log",
  },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: {
    code: "ERR_OPAMP_CLOSED",
    says: "the answer is not as long as it says",
    hint: "a proxy in between may change bodies: look at its log",
  },
};

/** How the end of a connection by the other side shows. */
export const HANG_UPS: readonly string[] = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_CLOSED"];

/** Names, routes, ports, firewalls, waits. */
export function explainNetwork(failure: Failure, url: URL, stage: Stage): Explanation | undefined {
  const byStage = stage === "dialling" ? "ERR_OPAMP_CONNECT" : "ERR_OPAMP_CLOSED";
  const row = HANG_UPS.includes(failure.code) ? hangUp(url, stage) : ROWS[failure.code];
  if (row === undefined) return undefined;
  const details = [failure.code, failure.addresses.join(", ")].filter((detail) => detail !== "").join(" ");
  return { code: row.code ?? byStage, says: `${row.says} (${details})`, hint: row.hint };
}

function hangUp(url: URL, stage: Stage): Row {
  if (stage === "answered") {
    const hint =
      "the server stopped, or something in between cut the connection: look at its log and its idle time-out";
    return { says: HUNG_UP, hint };
  }
  const hint = isSecure(url.protocol)
    ? "a server that expects a client certificate, or refuses it, hangs up like this: check tls.cert and the server's log"
    : `a server that expects TLS hangs up like this: try ${otherScheme(url)}, and check the port`;
  return { says: `${HUNG_UP} without an answer`, hint };
}
