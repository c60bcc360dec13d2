import type { TestCertificates } from "../../../../src/testing/index.js";
import { head, secured } from "../conducts.js";
import type { Conduct } from "../stage.js";
import type { HostileCase } from "../survives.js";

const DAY_MS = 86_400_000;
const UNTRUSTED = ["ERR_OPAMP_TLS"] as const;
/** What a broken handshake may look like. */
const BROKEN = ["ERR_OPAMP_TLS", "ERR_OPAMP_CONNECT", "ERR_OPAMP_CLOSED"] as const;
/** A fatal alert: handshake_failure. */
const ALERT = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40);
/** A warning: no_renegotiation. */
const WARNING = Uint8Array.of(0x15, 3, 3, 0, 2, 1, 100);
const RECORD = 0x16;

/** Waits for the first bytes of the handshake, and does this. */
function onHello(act: (...args: Parameters<Conduct>) => void): Conduct {
  return (socket, heard) => void socket.once("data", () => act(socket, heard)).on("data", () => undefined);
}

/** What can be wrong with TLS. */
export async function tlsCases({ server, issue }: TestCertificates): Promise<readonly HostileCase[]> {
  const [expired, early, elsewhere, selfSigned] = await Promise.all([
    issue({ notAfter: new Date(Date.now() - DAY_MS) }),
    issue({ notBefore: new Date(Date.now() + DAY_MS) }),
    issue({ hosts: ["elsewhere.example"] }),
    issue({ selfSigned: true }),
  ]);
  const shows = (certificate: typeof server): Pick<HostileCase, "conduct"> => ({
    conduct: secured(certificate, () => undefined),
  });
  const inside = (act: Parameters<typeof secured>[1]): Conduct => secured(server, act);
  return [
    {
      name: "never answers the handshake",
      conduct: onHello(() => undefined),
      slow: true,
      errors: ["ERR_OPAMP_TIMEOUT"],
    },
    { name: "closes in the handshake", conduct: onHello((socket) => socket.end()), errors: BROKEN },
    { name: "resets in the handshake", conduct: onHello((socket) => socket.resetAndDestroy()), errors: BROKEN },
    { name: "answers the handshake with an alert", conduct: onHello((socket) => socket.end(ALERT)), errors: BROKEN },
    {
      name: "answers the handshake with endless warnings",
      conduct: onHello((socket) => socket.write(Buffer.alloc(65_534, WARNING))),
      errors: BROKEN,
    },
    {
      name: "answers the handshake in plain HTTP",
      conduct: onHello((socket) => socket.end(head("HTTP/1.1 400 Bad Request"))),
      errors: BROKEN,
    },
    {
      name: "answers the handshake with garbage",
      conduct: onHello((socket) => socket.end(new Uint8Array(64).fill(0xff))),
      errors: BROKEN,
    },
    {
      name: "answers the handshake with a record that is too long",
      conduct: onHello((socket) => socket.write(Uint8Array.of(RECORD, 3, 3, 0xff, 0xff, 2))),
      errors: BROKEN,
    },
    {
      name: "stops in the middle of a record",
      conduct: onHello((socket) => socket.write(Uint8Array.of(RECORD, 3, 3, 0x40, 0, 2))),
      slow: true,
      errors: ["ERR_OPAMP_TIMEOUT"],
    },
    { name: "echoes the handshake", conduct: (socket) => void socket.pipe(socket), errors: BROKEN },
    {
      name: "supports nothing newer than TLS 1.1",
      conduct: secured(
        { ...server, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" },
        () => undefined,
      ),
      errors: BROKEN,
    },
    { name: "shows a certificate that has expired", ...shows(expired), errors: UNTRUSTED },
    { name: "shows a certificate that is not valid yet", ...shows(early), errors: UNTRUSTED },
    { name: "shows a certificate for another host", ...shows(elsewhere), errors: UNTRUSTED },
    { name: "shows a self-signed certificate", ...shows(selfSigned), errors: UNTRUSTED },
    {
      name: "requires a client certificate that the client lacks",
      conduct: secured({ ...server, requestCert: true, rejectUnauthorized: true }, (session, tcp) => {
        if (!session.authorized) tcp.destroy();
      }),
      errors: BROKEN,
    },
    { name: "says nothing over TLS", conduct: inside(() => undefined), slow: true, errors: ["ERR_OPAMP_TIMEOUT"] },
    { name: "closes TLS at once", conduct: inside((session) => session.end()), errors: BROKEN },
    { name: "resets below TLS", conduct: inside((_, tcp) => tcp.resetAndDestroy()), errors: BROKEN },
    {
      name: "sends garbage over TLS for ever",
      conduct: inside((session) => session.end(new Uint8Array(65_536).fill(0xff))),
      errors: ["ERR_OPAMP_NOT_OPAMP"],
    },
  ];
}
