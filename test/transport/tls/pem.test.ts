import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import { readAuthorities, readIdentity } from "../../../src/transport/tls/tls-material.js";
import { dialled, refusalOf, startTls } from "../dial-fixture.js";

const authority = await testCertificates();
const others = await Promise.all([testCertificates(), testCertificates()]);
const { ca, client } = authority;
const [before, after] = others.map((other) => other.ca) as [string, string];

let path = "";
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "pem-"));
  path = join(folder, "bundle.pem");
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

const glued = `${before.trimEnd()}${ca.trimEnd()}${after}`;
const utf16 = Buffer.from(`\ufeff${ca}`, "utf16le");

/** As `openssl x509 -trustout -addtrust serverAuth` writes it. */
function trusted(pem: string): string {
  const aux = Buffer.from("300c300a06082b06010505070301", "hex");
  const data = Buffer.concat([Buffer.from(pem.replaceAll(/-----.*-----/g, ""), "base64"), aux]).toString("base64");
  return `-----BEGIN TRUSTED CERTIFICATE-----\n${data}\n-----END TRUSTED CERTIFICATE-----\n`;
}

const BUNDLES: Readonly<Record<string, string | Buffer>> = {
  "whose blocks share lines": glued,
  "with text between the blocks": `# Root\nsubject=CN = x\n${before}\nBag Attributes: <none>\n${ca}the end`,
  "with text in the line of a block": `first${before.trimEnd()}subject=CN = x${ca.trimEnd()}last`,
  "with CRLF": (before + ca).replaceAll("\n", "\r\n"),
  "with CR": (before + ca).replaceAll("\n", "\r"),
  "with a byte order mark": `\ufeff${ca}`,
  "with a byte order mark in the middle": `${before.trimEnd()}\ufeff${ca}`,
  "in UTF-16, as Windows writes it": utf16,
  "in UTF-16, the other way around": Buffer.from(utf16).swap16(),
  "that is indented": (before + ca).replaceAll(/^/gm, "    "),
  "with tabs and spaces at the ends of lines": (before + ca).replaceAll("\n", " \t\n"),
  "with blank lines within blocks": (before + ca).replaceAll("\n", "\n\n"),
  "folded into one line": (before + ca).replaceAll("\n", " "),
  "in one line of base64": ca.replaceAll(/(?<!-)\n(?!-)/g, ""),
  "of trusted certificates": trusted(before) + trusted(ca),
  "with the old name of certificates": ca.replaceAll("CERTIFICATE", "X509 CERTIFICATE"),
  "with a block that is commented out": `${before.trimEnd().replaceAll(/^/gm, "# ")}\n${ca}`,
  "with a key in it": client.key + ca,
};

describe("a CA bundle", () => {
  test.each(Object.entries(BUNDLES))("%s is read", async (_name, bundle) => {
    const { port } = await startTls(authority.server);
    writeFileSync(path, bundle);
    await dialled(`wss://localhost:${port}`, { tls: { ca: path } });
  });

  test("that is given as text is read likewise", async () => {
    const { port } = await startTls(authority.server);
    await dialled(`wss://localhost:${port}`, { tls: { ca: glued } });
  });

  test("whose blocks share lines has all of them", async () => {
    const read = await readAuthorities("tls", { ca: glued });
    expect(read?.join("").match(/^-----BEGIN CERTIFICATE-----$/gm)).toHaveLength(3);
  });

  const [begin, end] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
  test.each([
    ["cut short", before + ca.slice(0, 300), "its block number 2 (CERTIFICATE) has no END line"],
    ["with half a block in it", ca.slice(0, 300) + after, "its block number 1 (CERTIFICATE) has no END line"],
    ["without a beginning", before + ca.replace(begin, ""), "its block number 2 (CERTIFICATE) has no BEGIN line"],
    ["mixed up", ca.replace(end, "-----END X-----"), "its block number 1 begins as CERTIFICATE and ends as X"],
    [
      "with something else in a block",
      `${before}${ca.replace("MII", "M*I")}`,
      "its block number 2 (CERTIFICATE) holds something that is not base64",
    ],
    [
      "with escaped line ends",
      ca.replaceAll("\n", "\\n"),
      "its block number 1 (CERTIFICATE) holds something that is not base64",
    ],
    ["with a damaged block", `${before}${begin}\nMIIB\n${end}`, "its certificate number 2 cannot be read: "],
  ])("%s is blamed by name, with the block", async (_name, bundle, problem) => {
    writeFileSync(path, bundle);
    const error = await refusalOf(dialled("wss://127.0.0.1:1", { tls: { ca: path } }));
    expect(error.code).toBe("ERR_OPAMP_TLS");
    expect(error.message).toContain(`tls.ca (${path}): ${problem}`);
  });
});

describe("a client's certificate and key", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const old = rsa.export({ type: "pkcs1", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();
  const FORMS: Readonly<Record<string, (pem: string) => string>> = {
    "a byte order mark": (pem) => `\ufeff${pem}`,
    CRLF: (pem) => pem.replaceAll("\n", "\r\n"),
    CR: (pem) => pem.replaceAll("\n", "\r"),
    "indented lines": (pem) => pem.replaceAll(/^/gm, "  "),
    "text around them": (pem) => `Bag Attributes\n    friendlyName: x\n${pem}and more`,
  };

  test.each(Object.entries(FORMS))("are read with %s", async (_name, form) => {
    const { port, secured } = await startTls({ ...authority.server, ca, requestCert: true, rejectUnauthorized: true });
    const tls = { ca, cert: form(client.cert), key: form(client.key) };
    await dialled(`wss://localhost:${port}`, { tls });
    expect((await secured.next()).getPeerCertificate().subject.CN).toBe("test client");
  });

  test("may be in one file, whose blocks share lines", async () => {
    writeFileSync(path, client.key.trimEnd() + client.cert.trimEnd() + ca);
    const read = await readIdentity("tls", { cert: path, key: path });
    expect(read?.cert.match(/^-----BEGIN CERTIFICATE-----$/gm)).toHaveLength(2);
    expect(read?.key).toMatch(/^-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n$/);
  });

  test.each(Object.entries(FORMS))("keep what the old encryption of a key needs, with %s", async (_name, form) => {
    const wrong = readIdentity("tls", { cert: client.cert, key: form(old), passphrase: "y" });
    await expect(wrong).rejects.toMatchObject({ message: "tls.key: is not opened by tls.passphrase" });
    const opened = readIdentity("tls", { cert: client.cert, key: form(old), passphrase: "x" });
    await expect(opened).rejects.toMatchObject({ message: expect.stringContaining("does not belong to") });
  });
});
