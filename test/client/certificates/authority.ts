import { certify, makeAuthority, x509For } from "../../../src/server/signing/authority.js";

/** What is in a certificate that an authority issues. */
export interface Issued {
  from: number;
  until: number;
  usage?: "client" | "server";
}

/** An authority as a server has one, which issues certificates for signing requests. */
export async function authority() {
  const x509 = x509For("these tests");
  const valid = { notBefore: new Date(0), notAfter: new Date(Date.UTC(2100, 0)) };
  const own = await makeAuthority(x509, "authority", valid);
  const read = (csr: string) => new x509.Pkcs10CertificateRequest(csr);
  return {
    ca: own.pem,
    /** @throws Error for a request that was not signed with its own key */
    async issue(csr: string, { from, until, usage = "client" }: Issued): Promise<string> {
      const request = read(csr);
      if (!(await request.verify())) throw new Error("the request is not signed with its key");
      return certify(x509, own, {
        notBefore: new Date(from),
        notAfter: new Date(until),
        subject: request.subjectName,
        spki: new Uint8Array(request.publicKey.rawData),
        usage,
        names: undefined,
      });
    },
    subjectOf: (csr: string): string => read(csr).subject,
    /** What tells the key of a request from others. */
    keyOf: (csr: string): string => read(csr).publicKey.toString("base64"),
  };
}
