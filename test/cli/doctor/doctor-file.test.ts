import { expect, onTestFinished, test } from "vitest";
import { fileWords, flagWords } from "../../../src/cli/surface-words.js";
import { OpAMPServer, type OpAMPServerOptions, testCertificates } from "../../../src/testing/index.js";
import { fileForTest } from "../files.js";
import { opamp } from "../terminal.js";

const certificates = await testCertificates();
const TOKEN = "tok-4711";

async function start(options?: OpAMPServerOptions): Promise<OpAMPServer> {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  return server;
}

function file(server: string, extensions = ""): string {
  return fileForTest(
    `extensions:\n  opamp: { server: ${server} }\n${extensions}storage: { directory: /nowhere/state }\n`,
  );
}

async function doctor(...args: string[]) {
  const run = await opamp("doctor", "--proxy", "none", ...args);
  expect(run.out + run.err).not.toContain(TOKEN);
  return run;
}

test("URL, authorities, certificate, headers and auth come from the agent's file", async () => {
  const server = await start({
    auth: { bearer: TOKEN },
    tls: { ...certificates.server, ca: certificates.ca, requestClientCert: "require" },
  });
  const [ca, cert, key] = [certificates.ca, certificates.client.cert, certificates.client.key].map(fileForTest);
  const tls = `{ ca_file: ${ca}, cert_file: ${cert}, key_file: ${key} }`;
  const auth = `  bearertokenauth: { filename: ${fileForTest(TOKEN)} }\n`;
  const path = file(`{ ws: { endpoint: "${server.url}", tls: ${tls}, auth: bearertokenauth } }`, auth);
  expect(await doctor("--config", path)).toMatchObject({ code: 0, err: "" });
});

test("a URL and flags come before what the file has", async () => {
  const server = await start({ auth: { bearer: TOKEN } });
  const path = file(`{ http: { endpoint: http://127.0.0.1:1/, headers: { Authorization: Bearer other } } }`);
  expect(await doctor("-c", path)).toMatchObject({ code: 4 });
  expect(await doctor("-c", path, server.httpUrl)).toMatchObject({ code: 6 });
  expect(await doctor("-c", path, server.httpUrl, "--token-file", fileForTest(TOKEN))).toMatchObject({ code: 0 });
  expect(await doctor("-c", path, server.httpUrl, "-H", `authorization: Bearer ${TOKEN}`)).toMatchObject({ code: 0 });
});

test("a file that is wrong, or not there, exits with 2 and the agent's own answer", async () => {
  const path = fileForTest("extensions: { opamp: { servr: {} } }\nlog: { level: loud }\n");
  const { code, err } = await doctor("--config", path);
  expect(code).toBe(2);
  expect(err).toMatch(/^error: 2 mistakes\n {2}extensions\.opamp: unknown key "servr" .*\n {2}log\.level: /);
  expect(await doctor("--config", "/nowhere/x")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/cannot be read: ENOENT/),
  });
  expect(await doctor()).toMatchObject({
    code: 2,
    err: expect.stringMatching(/no server to check \(give the server's URL, or --config/),
  });
});

test("warnings of the file are told on standard error", async () => {
  const { code, err } = await doctor(
    "-c",
    file(`{ http: { endpoint: http://127.0.0.1:1/, headers: { X: "\${env:GONE_4711}" } } }`),
  );
  expect(code).toBe(4);
  expect(err).toMatch(
    /^warning: extensions\.opamp\.server\.http\.headers\.X \(line 2, column \d+\): refers to the environment variable GONE_4711, which is not set/,
  );
});

test("hints have the words of the flags, or of the file", async () => {
  const server = await start({ tls: certificates.server });
  expect((await doctor(server.url)).out).toMatch(/fix: .*--ca\b/);
  expect((await doctor("-c", file(`{ ws: { endpoint: "${server.url}" } }`))).out).toMatch(/fix: .*\bca_file\b/);
});

test("a refusal says that no credentials were sent, or which were", async () => {
  const { httpUrl } = await start({ auth: { bearer: TOKEN } });
  expect((await doctor(httpUrl)).out).toContain("fix: no credentials were sent: give --token-file or -H");
  expect((await doctor(httpUrl, "-H", "a: b")).out).toContain(
    "fix: check the credentials given with --token-file or -H",
  );
  const path = file(`{ http: { endpoint: "${httpUrl}" } }`);
  expect((await doctor("-c", path)).out).toContain("fix: no credentials were sent: give headers or auth");
});

test.each([
  ["give that certificate as tls.ca", "give that certificate as --ca", "give that certificate as ca_file"],
  ["give tls.cert and tls.key", "give --cert and --key", "give cert_file and key_file"],
  ["nobody answered within timeouts.connectMs", "nobody answered within --timeout", "nobody answered in time"],
  ['try an http or https URL, or transport: "auto"', "try an http or https URL", "try an http or https URL"],
  [
    "the function given to bearerAuth failed: the file x cannot be read",
    "the credentials cannot be read: the file x cannot be read",
    "the credentials cannot be read: the file x cannot be read",
  ],
  ["no word of any option", "no word of any option", "no word of any option"],
])("%j of the client is translated", (text, flags, inFile) => {
  expect([flagWords(text), fileWords(text)]).toEqual([flags, inFile]);
});
