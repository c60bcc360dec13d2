import { expect, test } from "vitest";
import { DAY_MS } from "../../../src/base/time.js";
import type { Diagnosis } from "../../../src/cli/doctor/diagnosis.js";
import { testCertificates } from "../../../src/testing/index.js";
import { fileForTest } from "../files.js";
import { opamp } from "../terminal.js";

const certificates = await testCertificates();
const inDays = (days: number): Date => new Date(Math.floor(Date.now() / 1_000) * 1_000 + days * DAY_MS);
const iso = (date: Date): string => date.toISOString().replace(".000Z", "Z");

/** The file of `opamp agent` with these keys of TLS. */
function agentFile(tls: Record<string, string>, more = ""): string {
  const keys = Object.entries(tls).map(([key, path]) => `${key}: ${path}`);
  return fileForTest(
    `extensions:\n  opamp: { server: { ws: { endpoint: "wss://127.0.0.1:1/", tls: { ${keys.join(", ")} } ${more} } } }\n` +
      `  bearertokenauth: { filename: /nowhere/token }\nstorage: { directory: /nowhere/state }\n`,
  );
}

/** What the doctor finds of the files that a file names. */
async function findings(path: string) {
  const { out } = await opamp("doctor", "--json", "--proxy", "none", "--config", path);
  const { exitCode, steps }: Diagnosis = JSON.parse(out);
  return { exitCode, files: steps.filter(({ name }) => name === "files") };
}

test("each file that is missing is named with its key, and none hides another; exits with 2", async () => {
  const path = agentFile(
    { ca_file: "/nowhere/ca.pem", cert_file: "/nowhere/a.pem", key_file: "/nowhere/a.key" },
    ", auth: bearertokenauth",
  );
  const { exitCode, files } = await findings(path);
  expect(exitCode).toBe(2);
  expect(files.map(({ status, detail }) => `${status} ${detail}`)).toEqual([
    "failed ca_file: cannot read /nowhere/ca.pem: ENOENT",
    "failed cert_file: cannot read /nowhere/a.pem: ENOENT",
    expect.stringMatching(
      /^failed extensions\.bearertokenauth\.filename.*: the file \/nowhere\/token cannot be read: /,
    ),
  ]);
});

test("a key that is not the certificate's is a failure", async () => {
  const { cert } = certificates.client;
  const path = agentFile({ cert_file: fileForTest(cert), key_file: fileForTest(certificates.server.key) });
  const { exitCode, files } = await findings(path);
  expect(exitCode).toBe(2);
  expect(files).toMatchObject([
    {
      status: "failed",
      detail: expect.stringMatching(/^key_file \(.*\): does not belong to the certificate of cert_file/),
    },
  ]);
});

test.each([
  [-3, (date: string) => `it expired on ${date}`],
  [1.5, () => "it expires in 1 day"],
  [13.5, () => "it expires in 13 days"],
  [0.5, () => "it expires within a day"],
])(
  "a client certificate that ends in %d days is a warning with the date, of the doctor and of a dry run",
  async (days, says) => {
    const notAfter = inDays(days);
    const { cert, key } = await certificates.issue({ usage: "client", commonName: "agent-7", notAfter });
    const path = agentFile({ cert_file: fileForTest(cert), key_file: fileForTest(key) });
    const until = iso(notAfter);
    const { exitCode, files } = await findings(path);
    const detail = `the client certificate is agent-7, valid until ${until}, and has its key; ${says(until)}`;
    expect(files).toMatchObject([{ status: "warning", detail, hint: "renew the certificate given as cert_file" }]);
    // Not what fails: nothing listens there.
    expect(exitCode).toBe(4);
    const run = await opamp("agent", "--dry-run", "--config", path);
    expect(run.err).toContain(`WARN  ${detail} (renew the certificate given as cert_file)`);
  },
);

test("certificates that are valid for longer are no warning, and authorities are counted", async () => {
  const { cert, key } = await certificates.issue({ usage: "client", notAfter: inDays(15) });
  const ca = fileForTest(`${certificates.ca}\n${(await testCertificates()).ca}`);
  const { files } = await findings(
    agentFile({ ca_file: ca, cert_file: fileForTest(cert), key_file: fileForTest(key) }),
  );
  expect(files.map(({ status }) => status)).toEqual(["ok", "ok"]);
  expect(files[0]?.detail).toBe("ca_file has 2 authorities");
});

test("an authority that has ended is a warning, unless it is one of several", async () => {
  const { ca } = await testCertificates({ notAfter: inDays(-1) });
  const [alone] = (await findings(agentFile({ ca_file: fileForTest(ca) }))).files;
  expect(alone).toMatchObject({
    status: "warning",
    detail: expect.stringMatching(/one authority, .*; it expired on /),
  });
  const [among] = (await findings(agentFile({ ca_file: fileForTest(`${ca}\n${certificates.ca}`) }))).files;
  expect(among).toMatchObject({ status: "ok" });
});
