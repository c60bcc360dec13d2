import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { newKey, signingRequest } from "../../../src/connection-settings/certificates/signing-request.js";
import {
  type OpAMPServer,
  type SigningRequestsOptions,
  testCertificates,
  virtualClock,
} from "../../../src/testing/index.js";
import { decodeServerToAgent, encodeAgentToServer } from "../../../src/wire/codec.js";
import { verifies } from "../../conformance/verifies.js";
import { rejectionOf } from "../../testing/rejection.js";
import { BareSocket, carried, exchange, full, lean, UID_TEXT, uid } from "../bare-peers.js";
import { dial, startServer } from "../server-fixture.js";

const BAD_REQUEST = 1;
const [UNSET, APPLIED, FAILED] = [0, 1, 3];
const SUBJECT = { commonName: UID_TEXT, uris: [`urn:uuid:${UID_TEXT}`] };
const key = await newKey("ec-p256");
const csr = signingRequest("ec-p256", key, SUBJECT);
const bytes = (text: string) => new TextEncoder().encode(text);

function asking(sequenceNum: number, pem: string) {
  return full(sequenceNum, {
    connectionSettingsRequest: { opamp: { certificateRequest: { csr: bytes(pem) } } },
  });
}

/** A server that has been asked by POST, and its answer. */
async function asked(pem: string, issue?: SigningRequestsOptions["issue"]) {
  const server = await startServer({ signingRequests: issue && { issue } });
  const answer = await exchange(server.httpUrl, asking(1, pem));
  return { server, answer, agent: server.agent(uid()) };
}

function issuedIn(answer: Awaited<ReturnType<typeof exchange>>, server: OpAMPServer) {
  const { cert, privateKey, caCert } = answer.connectionSettings?.opamp?.certificate ?? {};
  expect(privateKey).toEqual(new Uint8Array());
  expect(Buffer.from(caCert ?? []).toString()).toBe(server.ca);
  return new X509Certificate(Buffer.from(cert ?? []));
}

describe("a request that is answered at once", () => {
  verifies(["CERT-05", "CERT-07"], "brings a certificate for its key, signed by the server's authority", async () => {
    const { server, answer, agent } = await asked(csr, "at once");
    const issued = issuedIn(answer, server);
    const ca = new X509Certificate(server.ca);
    expect(issued.verify(ca.publicKey)).toBe(true);
    expect(issued.checkIssued(ca)).toBe(true);
    expect(issued.subject).toBe(`CN=${UID_TEXT}`);
    expect(issued.subjectAltName).toBe(`URI:urn:uuid:${UID_TEXT}`);
    expect(issued.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(agent.signingRequest).toMatchObject({ pem: csr, subject: `CN=${UID_TEXT}`, keyType: "ec-p256" });
    expect(agent.signingRequest).toMatchObject({ names: SUBJECT.uris, problem: undefined });
  });

  test("is answered before what came after it", async () => {
    const server = await startServer({ signingRequests: { issue: "at once" } });
    const answers: (readonly string[])[] = [];
    const ignored = () => undefined;
    const link = server.attach("ws", {
      payload: (payload) => {
        const decoded = decodeServerToAgent(payload);
        if (decoded.ok) answers.push(carried(decoded.message).filter((name) => name === "connectionSettings"));
      },
      malformed: ignored,
      refused: ignored,
      closed: ignored,
      cut: ignored,
    });
    for (const message of [full(1), asking(2, csr), lean(3), lean(4)]) link?.payload(encodeAgentToServer(message));
    await server.until(() => answers.length === 4);
    // A later one repeats the offer, as its hash has not come back.
    expect(answers).toEqual([[], ["connectionSettings"], ["connectionSettings"], ["connectionSettings"]]);
  });

  test("brings it again until the hash comes back", async () => {
    const { server, answer } = await asked(csr, "at once");
    const hash = answer.connectionSettings?.hash ?? new Uint8Array();
    expect((await exchange(server.httpUrl, lean(2))).connectionSettings?.hash).toEqual(hash);
    const taken = { connectionSettingsStatus: { status: 1, lastConnectionSettingsHash: hash } };
    expect(carried(await exchange(server.httpUrl, lean(3, taken)))).not.toContain("connectionSettings");
  });

  test("is withdrawn once it was applied, as an agent that puts it aside has no key for it any more", async () => {
    const { server, answer, agent } = await asked(csr, "at once");
    const hash = answer.connectionSettings?.hash ?? new Uint8Array();
    const says = (status: number, lastConnectionSettingsHash = hash) => ({
      connectionSettingsStatus: { status, lastConnectionSettingsHash },
    });
    await exchange(server.httpUrl, lean(2, says(FAILED)));
    const retried = await exchange(server.httpUrl, lean(3, says(UNSET, new Uint8Array())));
    expect(retried.connectionSettings?.hash).toEqual(hash);
    await exchange(server.httpUrl, lean(4, says(APPLIED)));
    expect(agent.hasAppliedSettings()).toBe(true);
    const forgot = await exchange(server.httpUrl, lean(5, says(UNSET, new Uint8Array())));
    expect(carried(forgot)).not.toContain("connectionSettings");
  });

  test("is dated by the clock of the server", async () => {
    const server = await startServer({ clock: virtualClock(), signingRequests: { issue: "at once" } });
    const issued = issuedIn(await exchange(server.httpUrl, asking(1, csr)), server);
    expect(new Date(issued.validFrom)).toEqual(new Date("2025-12-31T23:50:00Z"));
    expect(new Date(issued.validTo)).toEqual(new Date("2027-01-01T00:00:00Z"));
  });

  test.each([
    ["is not PEM", "hello", "is not a certificate request in PEM"],
    ["is cut short", `${csr.slice(0, 100)}\n-----END CERTIFICATE REQUEST-----`, "cannot be read"],
    ["was changed", changed(csr), "was not signed with the key that it is for"],
    [
      "names another agent",
      signingRequest("ec-p256", key, { uris: ["urn:uuid:ffffffff-0405-0607-0809-0a0b0c0d0e01"] }),
      `names urn:uuid:ffffffff-0405-0607-0809-0a0b0c0d0e01, and came from ${UID_TEXT}`,
    ],
  ])("is refused where it %s", async (_what, pem, problem) => {
    const { server, answer, agent } = await asked(pem, "at once");
    expect(answer.errorResponse).toMatchObject({ type: BAD_REQUEST, errorMessage: expect.stringContaining(problem) });
    expect(agent.signingRequest?.problem).toBe(problem);
    expect(carried(await exchange(server.httpUrl, lean(2)))).not.toContain("errorResponse");
  });
});

test.each([
  ["ed25519", async () => signingRequest("ed25519", await newKey("ed25519"), SUBJECT)],
  ["rsa-1024", async () => signingRequest("rsa-3072", smallRsaKey(), SUBJECT)],
])("a request for a key of another kind is signed: %s", async (keyType, make) => {
  const { server, answer, agent } = await asked(await make(), "at once");
  expect(agent.signingRequest).toMatchObject({ keyType, problem: undefined });
  expect(issuedIn(answer, server).checkIssued(new X509Certificate(server.ca))).toBe(true);
});

verifies("CERT-08", "a server that refuses requests answers with BAD_REQUEST", async () => {
  const { server, answer } = await asked(csr, "refuse");
  expect(answer.errorResponse).toMatchObject({ type: BAD_REQUEST });
  expect(carried(await exchange(server.httpUrl, lean(2)))).not.toContain("errorResponse");
});

describe("by hand", () => {
  verifies("CERT-07", "a certificate comes when it is issued, with what else is offered", async () => {
    const server = await startServer({ signingRequests: { issue: "by hand" } });
    const peer = await dial(server);
    expect(carried(await peer.exchange(asking(1, csr)))).not.toContain("connectionSettings");
    const notBefore = new Date("2020-01-01T00:00:00Z");
    const opamp = { endpoint: "wss://b.example.com/v1/opamp" };
    const hash = await server.agent(uid()).issueCertificate({ validMs: 60_000, notBefore, usage: "server", opamp });
    const answer = await peer.next();
    expect(answer.connectionSettings).toMatchObject({ hash, opamp: { destinationEndpoint: opamp.endpoint } });
    const issued = issuedIn(answer, server);
    expect(new Date(issued.validTo)).toEqual(new Date("2020-01-01T00:01:00Z"));
    expect(issued.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  });

  test("a refusal goes out at once", async () => {
    const server = await startServer({ signingRequests: { issue: "by hand" } });
    const peer = await dial(server);
    await peer.exchange(asking(1, csr));
    server.agent(uid()).refuseSigningRequest("not you");
    expect((await peer.next()).errorResponse).toMatchObject({ type: BAD_REQUEST, errorMessage: "not you" });
  });

  test("nothing is issued without a request, without a good one, or to options that there are not", async () => {
    const { agent, server } = await asked(changed(csr), "by hand");
    await expect(agent.issueCertificate()).rejects.toThrow("was not signed with the key that it is for");
    const none = "the agent has not sent a signing request";
    await expect(server.agent(uid(2)).issueCertificate()).rejects.toThrow(none);
    expect(() => server.agent(uid(2)).refuseSigningRequest()).toThrow(`refuseSigningRequest: ${none}`);
    expect(server.agent(uid(2)).sent).toEqual([]);
    const wrong = { valid: 1 } as object;
    await expect(agent.issueCertificate(wrong)).rejects.toThrow("issueCertificate.valid: is not an option");
  });
});

test("a server without an authority keeps requests, and says what it lacks", async () => {
  const { agent, server, answer } = await asked(csr);
  expect(carried(answer)).toContain("capabilities");
  expect(answer.capabilities & 0x40n).toBe(0x40n);
  expect(agent.signingRequest?.subject).toBe(`CN=${UID_TEXT}`);
  const hint = expect.stringContaining("signingRequests");
  await expect(agent.issueCertificate()).rejects.toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION", hint }));
  expect(() => server.ca).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION", hint }));
});

test.each([
  [undefined, "not dealt with yet"],
  ["at once", "a certificate was issued"],
  ["refuse", "it was refused"],
] as const)("a wait that fails says what became of a request: %s", async (issue, outcome) => {
  const { agent } = await asked(csr, issue);
  const { message } = await rejectionOf(agent.until(() => false, { timeoutMs: 1 }));
  expect(message).toContain(`signing request for "CN=${UID_TEXT}": ${outcome}`);
});

/** The same request for another name, with the signature that it had. */
function changed(pem: string): string {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ""), "base64");
  const at = der.indexOf(UID_TEXT);
  der[at] = der.readUInt8(at) + 1;
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
}

function smallRsaKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1_024 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

verifies("CERT-07", "a server with TLS lets in those who have a certificate of its own", async () => {
  const tls = await testCertificates();
  const server = await startServer({
    tls: { ...tls.server, requestClientCert: "require" },
    signingRequests: { issue: "by hand" },
  });
  const cert = await signedBy(server);
  const peer = await BareSocket.open(server.url, { ca: tls.ca, cert, key });
  await peer.exchange(full(1));
  expect(server.agent(uid()).link?.tls?.clientCertificate).toMatchObject({
    trusted: true,
    subject: `CN=${UID_TEXT}`,
  });
  await expect(BareSocket.open(server.url, { ca: tls.ca, ...tls.client })).rejects.toThrow();
  peer.socket.terminate();
});

/** A certificate by hand, for an agent that asked in memory. */
async function signedBy(server: OpAMPServer): Promise<string> {
  const ignored = () => undefined;
  const end = { payload: ignored, malformed: ignored, refused: ignored, closed: ignored, cut: ignored };
  server.attach("http", end)?.payload(encodeAgentToServer(asking(1, csr)));
  const agent = server.agent(uid());
  await agent.issueCertificate();
  server.attach("http", end)?.payload(encodeAgentToServer(lean(2)));
  const { connectionSettings } = agent.sent.at(-1) ?? {};
  return Buffer.from(connectionSettings?.opamp?.certificate?.cert ?? []).toString();
}
