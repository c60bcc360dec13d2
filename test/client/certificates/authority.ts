import { webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import type { X509Certificate } from "@peculiar/x509";

const load = createRequire(import.meta.url);
const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };

/** What is in a certificate that an authority issues. */
export interface Issued {
  from: number;
  until: number;
  usage?: "client" | "server";
}

/** An authority as a server has one, which issues certificates for signing requests. */
export async function authority() {
  load("reflect-metadata");
  const x509: typeof import("@peculiar/x509") = load("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    notBefore: new Date(0),
    notAfter: new Date(Date.UTC(2100, 0)),
    name: "CN=authority",
    keys,
    signingAlgorithm: SIGNING,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  let serial = 0;
  return {
    ca: pemOf(ca),
    /** @throws Error for a request that was not signed with its own key */
    async issue(csr: string, { from, until, usage = "client" }: Issued): Promise<string> {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error("the request is not signed with its key");
      serial += 1;
      const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serial.toString(16).padStart(4, "40"),
        notBefore: new Date(from),
        notAfter: new Date(until),
        subject: request.subject,
        issuer: ca.subject,
        publicKey: request.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: SIGNING,
        extensions: [new x509.ExtendedKeyUsageExtension([usage === "client" ? clientAuth : serverAuth])],
      });
      return pemOf(certificate);
    },
    subjectOf: (csr: string): string => new x509.Pkcs10CertificateRequest(csr).subject,
    /** What tells the key of a request from others. */
    keyOf: (csr: string): string => new x509.Pkcs10CertificateRequest(csr).publicKey.toString("base64"),
  };
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
