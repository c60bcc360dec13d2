import { describe, expect, onTestFinished, test } from "vitest";
import type { Diagnosis, StepName } from "../../../src/cli/doctor/diagnosis.js";
import { OpAMPServer, type OpAMPServerOptions, testCertificates } from "../../../src/testing/index.js";
import { startHttp, startTcp } from "../../transport/raw-servers.js";
import { fileForTest } from "../files.js";
import { opamp } from "../terminal.js";

const certificates = await testCertificates();

async function start(options?: OpAMPServerOptions): Promise<OpAMPServer> {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  return server;
}

async function diagnosis(...args: string[]): Promise<Diagnosis> {
  const { code, out } = await opamp("doctor", "--json", "--proxy", "none", ...args);
  const found: Diagnosis = JSON.parse(out);
  expect(found.exitCode).toBe(code);
  return found;
}

function step({ steps }: Diagnosis, name: StepName) {
  return steps.find((one) => one.name === name);
}

describe("a healthy server", () => {
  for (const transport of ["url", "httpUrl"] as const) {
    test(`passes every step over its ${transport} and is left in an orderly way`, async () => {
      const server = await start();
      const found = await diagnosis(server[transport]);
      expect(found).toMatchObject({ ok: true, exitCode: 0, url: server[transport] });
      expect(found.steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
        "url ok",
        "resolve skipped",
        "connect ok",
        "tls skipped",
        transport === "url" ? "open ok" : "open skipped",
        "report ok",
      ]);
      expect(step(found, "report")?.detail).toMatch(/OffersRemoteConfig/);
      const agent = await server.firstAgent();
      await agent.until((seen) => seen.lastMessage?.agentDisconnect !== undefined);
    });
  }

  test("behind TLS shows what was negotiated, given its authority and a client certificate", async () => {
    const server = await start({ tls: { ...certificates.server, ca: certificates.ca, requestClientCert: "require" } });
    const ca = fileForTest(certificates.ca);
    const [cert, key] = [fileForTest(certificates.client.cert), fileForTest(certificates.client.key)];
    const found = await diagnosis(server.url, "--ca", ca, "--cert", cert, "--key", key);
    expect(found.ok).toBe(true);
    expect(step(found, "tls")).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/^TLSv1\.3 with localhost/),
    });
  });

  test("accepts a bearer token from a file, which is not shown", async () => {
    const server = await start({ auth: { bearer: "tok-4711" } });
    const run = await opamp("doctor", "--token-file", fileForTest("tok-4711\n"), server.httpUrl);
    expect([run.code, run.err]).toEqual([0, ""]);
    expect(run.out).toMatch(/An agent can use this server/);
    expect(run.out).not.toContain("4711");
  });

  test("is described line by line in plain text", async () => {
    const server = await start();
    const { out, code } = await opamp("doctor", server.url);
    expect(code).toBe(0);
    expect(out.replace(/\d+ ms/g, "N ms").replaceAll(String(server.port), "PORT")).toMatchInlineSnapshot(`
      "  ok    url       WebSocket in the clear to 127.0.0.1:PORT/v1/opamp (N ms)
        -     resolve   127.0.0.1 is an IP address
        ok    connect   connected to 127.0.0.1, port PORT (N ms)
        -     tls       not used with this URL
        ok    open      the upgrade to WebSocket was accepted (N ms)
        ok    report    the server answered; it declared AcceptsStatus, OffersRemoteConfig, AcceptsEffectiveConfig, OffersPackages, AcceptsPackagesStatus, OffersConnectionSettings, AcceptsConnectionSettingsRequest (N ms)

      An agent can use this server.
      "
    `);
  });
});

describe("a check that fails", () => {
  const cases: readonly [string, () => Promise<string[]>, number, StepName, RegExp][] = [
    ["no URL at all", async () => ["opamp.example.com"], 2, "url", /is not a server URL/],
    [
      "a certificate without its key",
      async () => ["ws://127.0.0.1:1/", "--cert", fileForTest(certificates.client.cert)],
      2,
      "url",
      /--key/,
    ],
    ["a header that cannot be sent", async () => ["ws://127.0.0.1:1/", "-H", "a b: c"], 2, "url", /"a\.\.\."/],
    ["an invalid proxy", async () => ["ws://127.0.0.1:1/", "--proxy", "ftp://h"], 2, "url", /--proxy: is for ftp/],
    ["a name that does not resolve", async () => ["ws://opamp.invalid/"], 3, "resolve", /opamp\.invalid/],
    ["a port where nothing listens", async () => ["ws://127.0.0.1:1/"], 4, "connect", /127\.0\.0\.1:1/],
    ["a server without TLS", async () => [(await start()).url.replace("ws:", "wss:")], 5, "tls", /TLS/],
    [
      "an unknown authority",
      async () => [(await start({ tls: certificates.server })).httpUrl],
      5,
      "tls",
      /authority|certificate/,
    ],
    ["missing credentials", async () => [(await start({ auth: { bearer: "x" } })).url], 6, "open", /401/],
    ["another path", async () => [`${(await start()).httpUrl}/other`], 7, "report", /404/],
    [
      "a web page",
      async () => {
        const { host } = await startHttp((_request, response) =>
          response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>"),
        );
        return [`http://${host}/`];
      },
      7,
      "report",
      /html/i,
    ],
    [
      "an answer on a WebSocket that is not a message",
      async () => {
        const server = await start();
        server.misbehave({ mode: "garbage", transport: "ws" });
        return [server.url];
      },
      7,
      "report",
      /not a valid ServerToAgent/,
    ],
    [
      "a server that is too busy",
      async () => {
        const { host } = await startHttp((_request, response) => response.writeHead(503).end());
        return [`http://${host}/`];
      },
      8,
      "report",
      /503/,
    ],
    [
      "a server that is silent",
      async () => [`ws://${(await startTcp()).host}/`, "--timeout", "0.05"],
      9,
      "open",
      /time/,
    ],
  ];
  for (const [what, make, code, name, text] of cases) {
    test(`exits with ${code} at the step "${name}": ${what}`, async () => {
      const found = await diagnosis(...(await make()));
      expect(found).toMatchObject({ ok: false, exitCode: code });
      const failed = found.steps.filter(({ status }) => status === "failed");
      expect(failed.map((one) => one.name)).toEqual([name]);
      expect(failed[0]).toMatchObject({ detail: expect.stringMatching(text), hint: expect.stringMatching(/\w/) });
      const later = found.steps.slice(found.steps.findIndex((one) => one.name === name) + 1);
      expect(later.every(({ status }) => status === "skipped")).toBe(true);
    });
  }
});

test("the server's words stay on one line and show no secrets", async () => {
  const errorMessage = "\u001b[2Jno\n  ok    report   all is well, token=tok-4711";
  const server = await start({ onMessage: () => ({ errorResponse: { type: 1, errorMessage } }) });
  const { out, code } = await opamp("doctor", "--proxy", "none", server.url);
  expect(code).toBe(8);
  expect(out.split("\n").filter((line) => /all is well/.test(line))).toEqual([
    expect.stringMatching(/^ {2}FAIL {2}report {4}.*\(badRequest\): \\u001b\[2Jno\\n/),
  ]);
  expect(out).not.toContain("\u001b");
  expect(out).not.toContain("4711");
});

test("a token file that cannot be read is reported with its path", async () => {
  const server = await start();
  const found = await diagnosis(server.url, "--token-file", "/nowhere/token");
  expect(found.exitCode).toBe(2);
  expect(step(found, "files")).toMatchObject({
    detail: expect.stringMatching(/^--token-file: the file \/nowhere\/token cannot be read: ENOENT/),
    hint: expect.stringMatching(/check the path/),
  });
});

describe("a wrong command line exits with 2 and says why", () => {
  const wrong: readonly [string[], RegExp][] = [
    [["doctor"], /there is no server to check/],
    [["doctor", "ws://h", "--header", "x"], /Name: value/],
    [["doctor", "ws://h", "--timeout", "soon"], /above 0/],
    [["doctor", "ws://h", "--timeout", "1e9"], /at most/],
    [["doctor", "ws://h", "--wrong"], /unknown option '--wrong'/],
    [["heal"], /unknown command/],
    [["docter"], /Did you mean doctor/],
    [["doctor", "ws://h", "--tmeout", "3"], /unknown option '--tmeout'\n\(Did you mean --timeout\?\)/],
    [["agent", "--confg", "x"], /unknown option '--confg'\n\(Did you mean --config\?\)/],
    [["agent"], /required option '-c, --config <path>' not specified/],
  ];
  for (const [args, text] of wrong) {
    test(args.join(" "), async () => {
      const { code, err } = await opamp(...args);
      expect([code, err]).toEqual([2, expect.stringMatching(text)]);
    });
  }
});

describe("a secret in the wrong place of the command line is not shown:", () => {
  const SECRET = "hunter-S3CR3T";
  const URL = "ws://127.0.0.1:1/";
  const wrong: readonly (readonly string[])[] = [
    ["doctor", URL, "-H", `Authorization Bearer ${SECRET}`],
    ["doctor", URL, `-HAuthorization Bearer ${SECRET}`],
    ["doctor", URL, `--header=X-Api-Key ${SECRET}' is invalid. ${SECRET}`],
    ["doctor", URL, "-H", `Authorization Bearer ${SECRET}:${SECRET}`],
    ["doctor", URL, "-H", `X-A: ${SECRET}\u{1f511}`],
    ["doctor", URL, "-H", "Authorization:", "Bearer", SECRET],
    ["doctor", "-H", "Authorization:", SECRET],
    ["doctor", URL, `--password=${SECRET}`],
    ["doctor", URL, `--password:${SECRET}`],
    ["doctor", URL, `--${SECRET}`],
    ["doctor", URL, `-u${SECRET}`],
    ["doctor", URL, "--password", SECRET],
    ["doctor", URL, `--json=${SECRET}`],
    ["doctor", URL, "--timeout", SECRET],
    ["doctor", URL, `--timeout=1 ${SECRET}`],
    ["doctor", URL, SECRET],
    ["doctor", URL, "--token-file", SECRET],
    ["doctor", URL, "--proxy", `me:${SECRET}@`],
    ["doctor", URL, "--proxy", `ftp://me:${SECRET}@h`],
    ["doctor", URL, "--key", `-----BEGIN PRIVATE KEY-----\n${SECRET}`],
    ["doctor", `me:${SECRET}@host`],
    ["doctor", `ftp://me:${SECRET}@host`],
    ["doctor", `ws://me:${SECRET}@127.0.0.1:1/?${SECRET}`],
    ["doctor", `ws://127.0.0.1:1/v1/${SECRET}8Zk2vQx7Lw`],
    ["doctor", `ws://127.0.0.1:1/hooks/${SECRET}`],
    ["doctor", `ws://${SECRET}`, "--token", SECRET],
    ["agent", "--config", "/nowhere", "--log-format", SECRET],
    ["agent", "--config", "/nowhere", "--log-level", SECRET],
    ["agent", "--config", `https://me:${SECRET}@host/opamp.yaml`],
    ["agent", "--config", "/nowhere", SECRET],
    ["agent", "--config", "/nowhere", `--header=${SECRET}`],
    [`wss://me:${SECRET}@host`],
    [SECRET],
    [`--token=${SECRET}`],
  ];
  test.for(wrong)("%j", async (args) => {
    for (const more of args[0] === "doctor" ? [[], ["--json"]] : [[]]) {
      const { code, out, err } = await opamp(...args, ...more);
      expect(code).toBeGreaterThan(0);
      expect(out + err).toMatch(/\w/);
      expect(out + err).not.toContain(SECRET);
    }
  });

  test("what is wrong is still said", async () => {
    const colon = await opamp("doctor", URL, "-H", `Authorization Bearer ${SECRET}`);
    expect(colon.err).toBe("error: option '-H, --header <header>' has an invalid value. Write it as 'Name: value'.\n");
    expect((await opamp("doctor", URL, `--password=${SECRET}`)).err).toBe("error: unknown option '--password'\n");
    const file = await diagnosis(URL.replace("ws:", "http:"), "--token-file", SECRET);
    expect(JSON.stringify(file)).not.toContain(SECRET);
  });
});

test("help and version exit with 0", async () => {
  for (const flag of ["--version", "-v"]) {
    expect(await opamp(flag)).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  }
  expect(await opamp("doctor", "--help")).toMatchObject({ code: 0, out: expect.stringMatching(/Exit codes:/) });
});
