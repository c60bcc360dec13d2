import { answering, head } from "../conducts.js";
import type { HostileCase } from "../survives.js";

function always(status: number, ...lines: readonly string[]): Pick<HostileCase, "conduct"> {
  return { conduct: answering(head(`HTTP/1.1 ${status} So`, "Content-Length: 2", ...lines), "no") };
}

const statuses: Readonly<Record<number, HostileCase["errors"]>> = {
  204: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  300: ["ERR_OPAMP_HTTP_STATUS"],
  400: ["ERR_OPAMP_HTTP_STATUS", "ERR_OPAMP_NOT_OPAMP"],
  404: ["ERR_OPAMP_HTTP_STATUS"],
  405: ["ERR_OPAMP_HTTP_STATUS"],
  407: ["ERR_OPAMP_PROXY"],
  410: ["ERR_OPAMP_HTTP_STATUS"],
  413: ["ERR_OPAMP_TOO_LARGE"],
  415: ["ERR_OPAMP_HTTP_STATUS"],
  418: ["ERR_OPAMP_HTTP_STATUS"],
  426: ["ERR_OPAMP_HTTP_STATUS", "ERR_OPAMP_NOT_OPAMP"],
  431: ["ERR_OPAMP_HTTP_STATUS"],
  500: ["ERR_OPAMP_HTTP_STATUS"],
  502: ["ERR_OPAMP_HTTP_STATUS"],
  504: ["ERR_OPAMP_HTTP_STATUS"],
  999: ["ERR_OPAMP_HTTP_STATUS"],
};

/** What Retry-After must not lead to: waits without end, and none at all. */
const pauses: readonly string[] = [
  "0",
  "-1",
  "NaN",
  "1e9",
  "99999999999999999999",
  "9".repeat(400),
  "Infinity",
  "soon",
  "",
  "0.001",
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "Fri, 31 Dec 9999 23:59:59 GMT",
  "Mon, 31 Feb 2026 25:61:61 GMT",
];

const redirects: readonly [string, string, number?][] = [
  ["to where it came from", "/v1/opamp", 6],
  ["to nowhere", "", 6],
  ["to a file", "file:///etc/passwd"],
  ["to a script", "javascript:alert(1)"],
  ["to a port that there is not", "http://127.0.0.1:99999/"],
  ["to a port where nothing listens", "http://127.0.0.1:1/"],
  ["to a host whose name is too long", `http://${"x".repeat(5_000)}/`],
];

/** Answers with a status, for ever, to upgrades and POSTs. */
export const statusCases: readonly HostileCase[] = [
  ...Object.entries(statuses).map(([status, errors = []]) => ({
    name: `answers ${status} for ever`,
    ...always(Number(status)),
    errors,
  })),
  ...[401, 403].map((status) => ({
    name: `answers ${status} for ever`,
    ...always(status),
    // With credentials that can be fetched again, one attempt comes at once (AUTH-02).
    client: { headers: () => ({ authorization: "Bearer secret" }) },
    prompt: true as const,
    errors: ["ERR_OPAMP_UNAUTHORIZED"] as const,
  })),
  ...[429, 503].map((status) => ({
    name: `answers ${status} for ever`,
    ...always(status),
    errors: ["ERR_OPAMP_THROTTLED"] as const,
  })),
  ...pauses.map((pause) => ({
    name: `answers 503 for ever, with Retry-After: ${pause.slice(0, 30)}`,
    ...always(503, `Retry-After: ${pause}`),
    // The first pause may be none if the server says so.
    prompt: true as const,
    errors: ["ERR_OPAMP_THROTTLED"] as const,
  })),
  ...redirects.map(([where, location, perAttempt = 1]) => ({
    name: `redirects ${where}, for ever`,
    ...always(307, `Location: ${location}`, "Connection: close"),
    perAttempt,
    errors: ["ERR_OPAMP_HTTP_STATUS", "ERR_OPAMP_CONNECT"] as const,
  })),
];
