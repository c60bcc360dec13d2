import { isSecure } from "../url/endpoint.js";
import { type Explanation, type Failure, otherScheme, printable } from "./explain.js";

/** Ports that people mistake for OpAMP's, and what really listens there. */
const PORTS: Readonly<Record<string, string>> = {
  "4317": "4317 is the port of OTLP over gRPC",
  "4318": "4318 is the port of OTLP over HTTP",
  "4321": "4321 is the web page of the example server",
};

/** What to do where the port alone tells what is wrong. */
export function portHint({ port }: URL): string | undefined {
  const what = PORTS[port];
  return what === undefined ? undefined : `${what}: OpAMP's own port is 4320`;
}

/** What an answer with success turned out to be. */
export interface Answer {
  contentType: string | undefined;
  /** Its body, or the beginning of it. */
  start: Uint8Array;
}

/** The type that OpAMP's messages have over HTTP (HTTP-06). */
export const CONTENT_TYPE = "application/x-protobuf";

/** What servers and proxies put in its place, which says as little about a body as no type at all. */
const BINARY: ReadonlySet<string> = new Set([
  "",
  "application/protobuf",
  "application/vnd.google.protobuf",
  "application/octet-stream",
]);

const BODIES: readonly { is: (essence: string, text: string) => boolean; what: string; hint: string }[] = [
  {
    is: (essence, text) => essence === "text/html" || /^\s*<(!doctype html|html|head|body)\b/i.test(text),
    what: "a web page",
    hint: "check host, port and path; a proxy, a load balancer or a login page may answer in place of the server",
  },
  {
    is: (essence) => essence.startsWith("application/grpc"),
    what: "gRPC",
    hint: "that is a gRPC server's port: check the port (OpAMP's default is 4320)",
  },
  {
    is: (essence, text) => /\bjson$/.test(essence) || (BINARY.has(essence) && /^\s*[[{]/.test(text)),
    what: "JSON",
    hint: "that is some other API: check host, port and path (the usual one is /v1/opamp)",
  },
  {
    is: (essence) => essence.startsWith("text/"),
    what: "plain text",
    hint: "check host, port and path (the usual one is /v1/opamp)",
  },
];

const OTHERWISE = "check host, port and path; what answers at this URL is not an OpAMP server";

/** What is wrong with the content of an answer with success; `undefined` if it may be OpAMP's, as nothing at all may be. */
export function explainBody({ contentType, start }: Answer, url: URL): Omit<Explanation, "code"> | undefined {
  const essence = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (essence === CONTENT_TYPE) return undefined;
  const text = Buffer.from(start.subarray(0, 256)).toString("latin1");
  const row = BODIES.find(({ is }) => is(essence, text));
  if (row === undefined && BINARY.has(essence)) return undefined;
  const type = contentType === undefined ? "no content type" : nameOf(essence);
  const says = row === undefined ? type : `${row.what} (${type})`;
  return { says, hint: portHint(url) ?? row?.hint ?? OTHERWISE };
}

function nameOf(essence: string): string {
  return /^[\w.+-]+\/[\w.+-]+$/.test(essence) ? printable(essence, 80) : "an unreadable content type";
}

/** What a protocol that is not HTTP/1.1 begins with, as text or, for a binary one, in hexadecimal. */
const SIGNATURES: readonly { text?: RegExp; hex?: RegExp; speaks: string; tls?: true }[] = [
  // A record of type alert or handshake, of SSL 3.0 or later.
  { hex: /^1[56]030[0-4]/, speaks: "speaks TLS", tls: true },
  // A SETTINGS or a GOAWAY frame on stream 0.
  { hex: /^00.{4}0[47]..00000000/, speaks: "speaks HTTP/2 alone, as gRPC servers do" },
  { text: /^SSH-/, speaks: "speaks SSH" },
  { text: /^220[ -]/, speaks: "speaks SMTP or FTP" },
  { text: /^[-+](ERR|OK)/, speaks: "speaks Redis or POP3" },
  { text: /^(GET|POST) /, speaks: "sends back what it is sent" },
];

/** The parsers of Node and undici share these words; only Node gives a code with them. */
const NOT_HTTP = /Expected HTTP\//;

/**
 * What came in place of an HTTP answer.
 *
 * The bytes themselves are never quoted: they may be an echo of the request, credentials included.
 */
export function explainBytes({ code, text, bytes }: Failure, url: URL): Explanation | undefined {
  if (NOT_HTTP.test(text)) {
    const start = Buffer.from(bytes.subarray(0, 32));
    const found = SIGNATURES.find(
      (signature) => signature.text?.test(start.toString("latin1")) ?? signature.hex?.test(start.toString("hex")),
    );
    const secure = otherScheme(url);
    const says = `what answers there ${found?.speaks ?? "does not speak HTTP"}`;
    if (found?.tls === true) return { code: "ERR_OPAMP_TLS", says, hint: `use ${secure}` };
    const scheme = isSecure(url.protocol) ? "" : `; where the server expects TLS, use ${secure}`;
    const hint = portHint(url) ?? `check host and port (OpAMP's default is 4320)${scheme}`;
    return { code: "ERR_OPAMP_NOT_OPAMP", says, hint };
  }
  if (!/^(HPE_|UND_ERR_HEADERS_OVERFLOW$)/.test(code) && !/HTTP\/1\.1 protocol/.test(text)) return undefined;
  return {
    code: "ERR_OPAMP_NOT_OPAMP",
    says: `the answer breaks the rules of HTTP${code === "" ? "" : ` (${code})`}`,
    hint: "look at the server and at any proxy in between: one of them garbles answers",
  };
}
