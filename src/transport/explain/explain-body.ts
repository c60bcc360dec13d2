import { printable } from "./explain.js";
import { portHint } from "./explain-port.js";

/** What an answer with success turned out to be. */
export interface Answer {
  contentType: string | undefined;
  /** Its body, or the beginning of it. */
  start: Uint8Array;
}

/** Why an answer is not OpAMP's. */
export interface Misfit {
  says: string;
  hint: string;
}

/** The only type that OpAMP's answers have over HTTP (HTTP-06). */
const CONTENT_TYPE = "application/x-protobuf";

interface Row {
  is: (essence: string, text: string) => boolean;
  what: string;
  hint: string;
}

const ROWS: readonly Row[] = [
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
    is: (essence, text) => /\bjson$/.test(essence) || (essence === "" && /^\s*[[{]/.test(text)),
    what: "JSON",
    hint: "that is some other API: check host, port and path (the usual one is /v1/opamp)",
  },
  {
    is: (essence) => essence === "application/protobuf" || essence === "application/octet-stream",
    what: "another content type than OpAMP's",
    hint: `the server, or a proxy in between, must set Content-Type: ${CONTENT_TYPE}`,
  },
  {
    is: (essence) => essence.startsWith("text/"),
    what: "plain text",
    hint: "check host, port and path (the usual one is /v1/opamp)",
  },
  {
    is: (essence) => essence === "",
    what: "bytes of no type",
    hint: `check host, port and path; an OpAMP server sets Content-Type: ${CONTENT_TYPE}`,
  },
];

const OTHERWISE = "check host, port and path; what answers at this URL is not an OpAMP server";

/** What is wrong with the content of an answer with success; `undefined` if it may be OpAMP's, as nothing at all may be. */
export function explainBody({ contentType, start }: Answer, url: URL): Misfit | undefined {
  const essence = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (essence === CONTENT_TYPE || (essence === "" && start.length === 0)) return undefined;
  const text = Buffer.from(start.subarray(0, 256)).toString("latin1");
  const row = ROWS.find(({ is }) => is(essence, text));
  const type = contentType === undefined ? "no content type" : nameOf(essence);
  return {
    says: row === undefined ? type : `${row.what} (${type})`,
    hint: portHint(url) ?? row?.hint ?? OTHERWISE,
  };
}

function nameOf(essence: string): string {
  return /^[\w.+-]+\/[\w.+-]+$/.test(essence) ? printable(essence, 80) : "an unreadable content type";
}
