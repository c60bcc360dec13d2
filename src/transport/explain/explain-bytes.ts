import { isSecure } from "../url/host.js";
import { type Explanation, type Failure, otherScheme } from "./explain.js";
import { portHint } from "./explain-port.js";

/** What a protocol that is not HTTP/1.1 begins with, as text or, for a binary one, in hexadecimal. */
interface Signature {
  text?: RegExp;
  hex?: RegExp;
  speaks: string;
  tls?: true;
}

const SIGNATURES: readonly Signature[] = [
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
    const start = Buffer.from(bytes?.subarray(0, 32) ?? []);
    const found = SIGNATURES.find(
      (signature) => signature.text?.test(start.toString("latin1")) ?? signature.hex?.test(start.toString("hex")),
    );
    const secure = otherScheme(url);
    const says = `what answers there ${found?.speaks ?? "does not speak HTTP"}`;
    if (found?.tls === true) return { code: "ERR_OPAMP_TLS", says, hint: `use ${secure}` };
    const scheme = isSecure(url.protocol) ? "" : `; where the server expects TLS, use ${secure}`;
    return {
      code: "ERR_OPAMP_NOT_OPAMP",
      says,
      hint: portHint(url) ?? `check host and port (OpAMP's default is 4320)${scheme}`,
    };
  }
  if (!/^(HPE_|UND_ERR_HEADERS_OVERFLOW$)/.test(code) && !/HTTP\/1\.1 protocol/.test(text)) return undefined;
  return {
    code: "ERR_OPAMP_NOT_OPAMP",
    says: `the answer breaks the rules of HTTP${code === "" ? "" : ` (${code})`}`,
    hint: "look at the server and at any proxy in between: one of them garbles answers",
  };
}
