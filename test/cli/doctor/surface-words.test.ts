import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileWords, flagWords } from "../../../src/cli/surface-words.js";
import { errorCodes, OpAMPError } from "../../../src/errors.js";
import { dialFailed, statusRefused } from "../../../src/transport/explain/connect-error.js";

const surfaces = [
  ["flags", flagWords],
  ["file", fileWords],
] as const;

/** What only a program that uses the API has to know: its options and functions, and how code is marked. */
const OF_API =
  /`|\b(?:tls|proxy|timeouts|heartbeat|throttle|backoff|ping|headers)\.[a-z]\w*|\b[a-z]+[A-Z]\w*|\bOpAMP(?:Client|Error|Extension)\b|\b\w+\(\)|: (?:"auto"|true\b|false\b)|\bfunctions?\b|\bhelpers?\b|\bhandlers?\b/;
/** Words of the field and of the protocol that look alike, what is so in the agent's file, and what only code does wrong. */
const FINE =
  /^requestCertificate: .*|an object or a function|tls\.ca_pem_contents|\bclientAuth\b|a record or a function|\bgRPC\b|\bmacOS\b|\bbackoff\.m(?:in|ax)\b|[\w§]+: true\b|\bprocess\.on\(/g;

/** What of a text is still a word of the API. */
function apiWordIn(text: string): string | undefined {
  return OF_API.exec(text.replace(FINE, ""))?.[0];
}

const source = join(import.meta.dirname, "../../../src");
const STRING = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g;

/** The sentences in the strings of a file or folder, with placeholders where values go. */
function sentencesIn(path: string): string[] {
  const whole = join(source, path);
  const files = path.endsWith(".ts")
    ? [whole]
    : readdirSync(whole, { recursive: true, encoding: "utf8" }).map((name) => join(whole, name));
  return files
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => {
      const code = readFileSync(name, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|^import .*$/gm, "");
      return [...code.matchAll(STRING)].map(([, double, single, template]) => double ?? single ?? template ?? "");
    })
    .map((text) =>
      text
        .replace(/\$\{where\}/g, "tls")
        .replace(/\$\{[^}]*\}/g, "§")
        .replaceAll("\\`", "`"),
    )
    .filter((text) => /\w \w/.test(text) && !/[{}()]{2}|=>|;\n/.test(text));
}

/** Everything that the client says about a connection: the doctor shows it, and the agent logs it. */
const CONNECTION = [
  "errors.ts",
  "base/load.ts",
  "transport",
  "auth",
  "wire",
  "cli",
  "client/settings/network-settings.ts",
  "client/settings/tls-settings.ts",
];
/** What else the agent logs. */
const AGENT = [
  "agent",
  "client/run/output-router.ts",
  "client/certificates",
  "client/connection",
  "client/handlers/handler-runner.ts",
  "client/observe/log-lines.ts",
  "connection-settings",
  "core/offers",
  "store/directory-lock.ts",
  "store/atomic-write.ts",
  "store/store-error.ts",
];

describe("no word of the API is left in any sentence of", () => {
  test.each(CONNECTION)("%s, in the words of flags and of the file", (path) => {
    const sentences = sentencesIn(path);
    expect(sentences.length).toBeGreaterThan(0);
    for (const [name, words] of surfaces) {
      const left = sentences.map(words).filter((text) => apiWordIn(text) !== undefined);
      expect(left, name).toEqual([]);
    }
  });

  test.each(AGENT)("%s, in the words of the file", (path) => {
    expect(
      sentencesIn(path)
        .map(fileWords)
        .filter((text) => apiWordIn(text) !== undefined),
    ).toEqual([]);
  });
});

describe("no word of the API is left in what becomes of", () => {
  const failures: readonly [string, readonly OpAMPError[]][] = [
    ["the hint of each error code", errorCodes.map((code) => new OpAMPError(code, "x"))],
    ...["ws://h/", "wss://h/v1/opamp", "http://h:4317/", "https://h/"].flatMap((url): [string, OpAMPError[]][] => [
      [`each status from ${url}`, statuses(new URL(url))],
      [`each failure to connect to ${url}`, FAILURES.map((code) => dialFailed(coded(code), new URL(url)).error)],
    ]),
  ];
  test.each(failures)("%s", (_what, errors) => {
    for (const [name, words] of surfaces) {
      const left = errors.map(({ message, hint }) => words(`${message}; ${hint}`));
      expect(
        left.filter((text) => apiWordIn(text) !== undefined),
        name,
      ).toEqual([]);
    }
  });
});

test("hints about certificates are in the words of the file", () => {
  const hints = [
    "set connectionSettings.certificates.subject or .keyType; requestCertificate() asks again",
    'with connectionSettings.certificates.expired "bootstrap" the agent goes back to its options',
    "the agent goes back to its options once an attempt to connect fails ten minutes later, as clocks may be wrong by so much",
    "take insecureSkipVerify away, and give the authority as tls.ca",
  ];
  expect(hints.map(fileWords)).toEqual([
    "set connection_settings.certificates.subject or key_type, then send SIGHUP",
    "with connection_settings.certificates.expired: bootstrap the agent goes back to its file",
    "the agent goes back to its file once an attempt to connect fails ten minutes later, as clocks may be wrong by so much",
    "take insecure_skip_verify away, and give the authority as ca_file",
  ]);
});

test("what is looked for would be found", () => {
  const words = [
    "give tls.ca",
    "set `headers`",
    "raise maxRedirects",
    'use transport: "auto"',
    "call start()",
    "a handler",
  ];
  expect(words.map(apiWordIn)).toEqual(["tls.ca", "`", "maxRedirects", ': "auto"', "start()", "handler"]);
});

const FAILURES = [
  ...["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET", "EPROTO", "EMFILE", "HPE_INVALID_CONSTANT"],
  ...["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ...[
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  ],
];

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function statuses(url: URL): OpAMPError[] {
  const bodies = [
    "",
    "No required SSL certificate was sent",
    "The SSL certificate error",
    "not using the websocket protocol",
  ];
  const all = Array.from({ length: 500 }, (_, index) => statusRefused(index + 100, {}, url, 0).error);
  return [...all, ...bodies.map((text) => statusRefused(400, {}, url, 0, Buffer.from(text)).error)];
}
