import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Diagnosis } from "../../../src/cli/doctor/diagnosis.js";
import { testCertificates } from "../../../src/testing/index.js";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { startHttp } from "../../transport/raw-servers.js";
import { fileForTest } from "../files.js";
import { opamp } from "../terminal.js";

const DEAD = "ws://127.0.0.1:1/v1/opamp";

async function failureOf(...args: string[]) {
  const { out, err, code } = await opamp("doctor", "--json", ...args);
  const { steps, exitCode, url }: Diagnosis = JSON.parse(out);
  expect([code, err]).toEqual([exitCode, ""]);
  const failed = steps.filter(({ status }) => status === "failed");
  return { exitCode, url, failed, hint: failed[0]?.hint, text: failed[0]?.detail, step: failed[0]?.name };
}

/** The agent's file with this below `ws`. */
function file(ws: string): string {
  return fileForTest(`extensions: { opamp: { server: { ws: { ${ws} } } } }\nstorage: { directory: /nowhere/state }\n`);
}

test("a refusal names where the refused credentials come from", async () => {
  const { host } = await startHttp((request, response) => response.writeHead(request.url === "/403" ? 403 : 401).end());
  const plain = `http://${host}/401`;
  const inUrl = `http://user:wr0ng@${host}`;
  const token = fileForTest("t");
  const withHeaders = file(`endpoint: "${plain.replace("http", "ws")}", headers: { Authorization: Bearer x }`);
  const without = file(`endpoint: "${plain.replace("http", "ws")}"`);
  const rows: [args: string[], hint: string][] = [
    [[plain], "no credentials were sent: give --token-file or -H"],
    [[`http://${host}/403`], "no credentials were sent: give --token-file or -H; and check the URL's path"],
    [[`${inUrl}/401`], "check the user and password in the URL"],
    [[`${inUrl}/403`], "check what the user in the URL may do; and check the URL's path"],
    [[`${inUrl}/401`, "-H", "X-Tenant: a"], "check the user and password in the URL"],
    [[`${inUrl}/401`, "--token-file", token], "check the credentials given with --token-file or -H"],
    [["-c", without], "no credentials were sent: give headers or auth below the server"],
    [["-c", withHeaders], "check the credentials in headers and auth"],
    [["-c", withHeaders, "-H", "X-Tenant: a"], "check the credentials in headers and auth"],
    [["-c", without, "--token-file", token], "check the credentials given with --token-file or -H"],
    [["-c", withHeaders, "-H", "Authorization: Bearer y"], "check the credentials given with --token-file or -H"],
    [["-c", without, `${inUrl}/401`], "check the user and password in the URL"],
  ];
  for (const [args, hint] of rows) {
    const found = await failureOf("--proxy", "none", ...args);
    expect(`${args} ${found.hint?.slice(0, hint.length)}`).toBe(`${args} ${hint}`);
    expect(found.exitCode).toBe(6);
  }
});

test("messages name the option where it was typed, and the key of the file where that has it", async () => {
  const { client, ca } = await testCertificates();
  const [cert, key, authority] = [client.cert, client.key, ca].map(fileForTest);
  const bare = file(`endpoint: "wss://127.0.0.1:1/"`);
  const whole = file(
    `endpoint: "wss://127.0.0.1:1/", tls: { ca_file: /nowhere/ca, cert_file: ${cert}, key_file: ${key} }`,
  );
  const text = async (...args: string[]) => (await failureOf("--proxy", "none", ...args)).text;
  expect(await text("-c", bare, "--ca", "/nowhere/ca")).toMatch(/^--ca: cannot read/);
  expect(await text("-c", whole)).toMatch(/^ca_file: cannot read/);
  expect(await text("-c", bare, "--cert", cert ?? "")).toMatch(/^--key: .* --cert/);
  expect(await text("-c", bare, "--key", key ?? "")).toMatch(/^--cert: .* --key/);
  expect(await text("-c", whole, "--ca", authority ?? "", "--cert", authority ?? "")).toMatch(
    /^key_file \(.*does not belong to the certificate of --cert/,
  );
  const unsafe = await opamp("doctor", "-c", bare, "wss://127.0.0.1:1/", "--proxy", "none", "--insecure-skip-verify");
  expect(unsafe.out).toContain("--insecure-skip-verify");
  expect(unsafe.out).not.toContain("insecure_skip_verify");
});

test("a key in place of an authority is called a key", async () => {
  const { client } = await testCertificates();
  const found = await failureOf("--proxy", "none", "wss://127.0.0.1:1/", "--ca", fileForTest(client.key));
  expect([found.step, found.hint]).toEqual(["files", "that is a key: give the file with the certificate"]);
});

test("a proxy that forbids a host is exempted where it was named", async () => {
  const { url: forbidding } = await startHttpProxy({ refuse: 403 });
  const byOption = await failureOf("--proxy", forbidding, `ws://opamp.test:1/`);
  expect(byOption.hint).toMatch(/or leave out --proxy for this host$/);
  const withFile = await failureOf("-c", file(`endpoint: "ws://opamp.test:1/"`), "--proxy", forbidding);
  expect(withFile.hint).toMatch(/or leave out --proxy for this host$/);
  vi.stubEnv("HTTP_PROXY", forbidding);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect((await failureOf(`ws://opamp.test:1/`)).hint).toMatch(/or exempt the host with NO_PROXY$/);
});

test("a proxy URL that is wrong is a usage error, as an option and in the environment", async () => {
  const byOption = await failureOf("--proxy", "http://bob:s3#cr3t@proxy:8080", "ws://opamp.test/");
  expect(byOption).toMatchObject({ exitCode: 2, step: "url" });
  expect(`${byOption.text}${byOption.hint}`).toMatch(/percent-encoded/);
  expect(`${byOption.text}${byOption.hint}`).not.toMatch(/s3|cr3t/);
  vi.stubEnv("HTTP_PROXY", "foo bar");
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await failureOf("ws://opamp.test/")).toMatchObject({
    exitCode: 2,
    step: "url",
    text: expect.stringMatching(/^HTTP_PROXY: /),
    hint: expect.stringMatching(/percent-encoded/),
  });
});

test("the file of --token-file is named where that cannot be the token itself", async () => {
  const found = await failureOf("--proxy", "none", DEAD, "--token-file", "tokn-4711.txt");
  expect(found).toMatchObject({ step: "files", exitCode: 2, text: expect.stringContaining("tokn-4711.txt cannot be") });
  const secret = await failureOf("--proxy", "none", DEAD, "--token-file", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln");
  expect(secret.text).not.toContain("eyJ");
  expect(secret.hint).toMatch(/^no such file in the working directory; if this is the token itself, /);
});

test.each([
  ["", "is empty", "write the secret into it"],
  ["one\ntwo\n", "has several lines", "put the token alone into the file, on one line"],
])("a token file with %j fails with its name, at files", async (content, problem, hint) => {
  const path = join(folderForTest(), "token");
  writeFileSync(path, content);
  const found = await failureOf("--proxy", "none", DEAD, "--token-file", path);
  expect(found).toMatchObject({ step: "files", exitCode: 2, hint });
  expect(found.text).toBe(`--token-file: the file ${path} ${problem}`);
});

test("a file that is wrong, or not there, is a result as JSON too", async () => {
  const wrong = fileForTest("extensions: { opamp: { servr: {} } }\nlog: { level: loud }\n");
  const found = await failureOf("-c", wrong);
  expect(found).toMatchObject({ url: "", exitCode: 2 });
  expect(found.failed.map(({ name, code }) => [name, code])).toEqual(Array(2).fill(["files", "ERR_OPAMP_OPTION"]));
  expect(await failureOf("-c", "/nowhere/x", DEAD)).toMatchObject({ url: DEAD, exitCode: 2, step: "files" });
});

test.each([
  ["opamp.example.com:4320/v1/opamp", true],
  ["localhost:4320", true],
  ["127.0.0.1", true],
  ["opamp.example.com", true],
  ["tok-4711", false],
  ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", false],
])("%s is shown where it is a host without a scheme: %j", async (target, isShown) => {
  const found = await failureOf("--proxy", "none", target);
  expect(found.text).toBe(`url: ${JSON.stringify(isShown ? target : "...")} is not a server URL`);
});
