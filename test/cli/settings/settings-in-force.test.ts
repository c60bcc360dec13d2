import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { DAY_MS } from "../../../src/base/time.js";
import type { Diagnosis } from "../../../src/cli/doctor/diagnosis.js";
import type { DryRun } from "../../../src/cli/dry-run.js";
import { OpAMPServer, type OpAMPServerOptions, testCertificates } from "../../../src/testing/index.js";
import { everything } from "../../agent/config-directory/folder.js";
import { opamp } from "../terminal.js";
import { configured, type Given, SECRET, SINCE } from "./configured.js";

const { issue } = await testCertificates();

async function started(options?: OpAMPServerOptions): Promise<OpAMPServer> {
  const server = await OpAMPServer.start(options);
  onTestFinished(() => server.close());
  return server;
}

/** What both commands say; neither changes anything, or shows a secret. */
async function looked({ folder, path }: { folder: string; path: string }, ...more: string[]) {
  const before = everything(folder);
  const doctor = await opamp("doctor", "--config", path, "--json", "--proxy", "none", ...more);
  const run = await opamp("agent", "--config", path, "--dry-run", "--log-format", "json");
  expect(everything(folder)).toEqual(before);
  expect(doctor.out + doctor.err + run.out + run.err).not.toContain(SECRET);
  const { exitCode, steps }: Diagnosis = JSON.parse(doctor.out);
  const of = (step: string) =>
    steps.filter(({ name }) => name === step).map(({ status, detail }) => `${status} ${detail}`);
  const dry: DryRun = JSON.parse(run.out);
  return { exitCode, settings: of("settings"), of, dry, steps };
}

const UNUSED = "ws://127.0.0.1:1/v1/opamp";
const AS_FILE = `${UNUSED}, as the file says`;

describe("opamp doctor --config and a dry run", () => {
  test("take what the server has changed for what is in force, and say so", async () => {
    const server = await started({ auth: { bearer: SECRET } });
    const accepted = { endpoint: server.url, headers: { authorization: `Bearer ${SECRET}` } };
    const { exitCode, settings, dry } = await looked(await configured({ endpoint: UNUSED, accepted }));
    const source = `${server.url}, as the server offered it, since ${SINCE}`;
    expect([exitCode, settings]).toEqual([0, [`ok ${source}`]]);
    expect(dry).toMatchObject({
      server: server.url,
      connection: { source, since: new Date(SINCE).toISOString(), notes: [] },
      headers: ["authorization"],
      firstReport: { connectionSettingsStatus: expect.anything() },
    });
    expect(dry.capabilities).toContain("acceptsOpAMPConnectionSettings");
  });

  test("say how to leave a server that was offered and is gone", async () => {
    const { path } = await configured({ endpoint: UNUSED, accepted: { endpoint: "ws://127.0.0.1:2/" } });
    const of = async (...more: string[]) => {
      const { exitCode, steps }: Diagnosis = JSON.parse(
        (await opamp("doctor", "--config", path, "--json", ...more)).out,
      );
      return { exitCode, hint: steps.find(({ status }) => status === "failed")?.hint };
    };
    const back = "the server offered this connection: to leave it, write another connection_settings.epoch";
    expect(await of()).toEqual({ exitCode: 4, hint: expect.stringContaining(back) });
    expect((await of(UNUSED)).hint).not.toContain("epoch");
  });

  test("take the file for another URL that is given, and say where the agent is", async () => {
    const server = await started();
    const accepted = { endpoint: UNUSED };
    const agent = await configured({ endpoint: server.url, accepted });
    expect((await looked(agent)).exitCode).toBe(4);
    const { exitCode, settings } = await looked(agent, server.url);
    expect([exitCode, settings]).toEqual([0, [expect.stringContaining(`the agent itself goes to ${UNUSED}`)]]);
  });

  test.each<[what: string, given: Partial<Given>, why: string | undefined]>([
    ["nothing was accepted", {}, undefined],
    [
      "the epoch is another one",
      { accepted: { endpoint: "ws://127.0.0.1:2/" }, epoch: "1" },
      "the file changed since they were offered: connection_settings.epoch",
    ],
    [
      "the policy has changed",
      { accepted: { endpoint: "ws://10.0.0.1:2/" } },
      "destination_endpoint (ws://10.0.0.1:2/v1/opamp) is not one that this agent may be moved to",
    ],
  ])("go by the file where %s", async (_what, given, why) => {
    const { settings, dry } = await looked(await configured({ endpoint: UNUSED, ...given }));
    const told = `${AS_FILE}; what the server had changed will be put aside: ${why}`;
    expect(settings).toEqual([why === undefined ? `ok ${AS_FILE}` : `warning ${told}`]);
    expect(dry.connection?.source.startsWith(why === undefined ? AS_FILE : told)).toBe(true);
    expect(dry.server).toBe(UNUSED);
    const status = JSON.stringify(dry.firstReport["connectionSettingsStatus"]);
    expect(status.includes('"07"')).toBe(why === undefined);
  });

  test("go by the file where what is stored is damaged, and leave that as it is", async () => {
    const agent = await configured({ endpoint: UNUSED, accepted: { endpoint: "ws://127.0.0.1:2/" } });
    const state = join(agent.folder, "state");
    const [blob = ""] = readdirSync(state).filter((name) => name.startsWith("blob-"));
    writeFileSync(join(state, blob), readFileSync(join(state, blob), "utf8").replace("127", "128"));
    const why = "what the server had changed will be put aside: the stored settings are gone or damaged";
    expect((await looked(agent)).settings).toEqual([`warning ${AS_FILE}; ${why}`]);
    rmSync(join(state, blob));
    expect((await looked(agent)).settings).toEqual([`warning ${AS_FILE}; ${why}`]);
  });

  test("go by the file where the state cannot be read, and say what becomes of it", async () => {
    const agent = await configured({ endpoint: UNUSED, accepted: { endpoint: "ws://127.0.0.1:2/" } });
    writeFileSync(join(agent.folder, "state/state.json"), "{ half");
    const { settings, steps } = await looked(agent);
    expect(settings).toEqual([
      expect.stringMatching(/^warning .*, as the file says; what the server may have changed cannot be read from stor/),
    ]);
    expect(steps.find(({ name }) => name === "settings")?.hint).toMatch(/^the next start of the agent sets it aside/);
  });

  test("fail where another program wrote the state, as the agent does", async () => {
    const { folder, path } = await configured({ endpoint: UNUSED });
    writeFileSync(join(folder, "state/state.json"), '{ "other": 1 }');
    const { out } = await opamp("doctor", "--config", path, "--json", "--proxy", "none");
    const { steps, exitCode }: Diagnosis = JSON.parse(out);
    const [found] = steps.filter(({ name }) => name === "settings");
    expect([exitCode, found]).toMatchObject([2, { status: "failed", code: "ERR_OPAMP_STORE" }]);
    expect((await opamp("agent", "--config", path, "--dry-run")).code).toBe(3);
  });

  test("tell what is on trial, without its secrets", async () => {
    const candidate = { endpoint: `wss://127.0.0.1:9/v1/opamp?token=${SECRET}` };
    const { settings, dry } = await looked(await configured({ endpoint: UNUSED, candidate }));
    const told = "on trial, and tried first by the next start: wss://127.0.0.1:9/v1/opamp";
    expect(settings).toEqual([`ok ${AS_FILE}`, `ok ${told}`]);
    expect(dry.connection?.notes).toEqual([told]);
  });

  test.each([
    ["requested", "ok a client certificate was asked for; issuer.example.com has the request, since SINCE"],
    ["refused", "warning a client certificate was asked for; issuer.example.com refused it on SINCE"],
    ["waiting", "warning a client certificate was asked for; no server has answered the request, made on SINCE"],
    ["issued", undefined],
  ] as const)("tell of a signing request that is %s", async (state, told) => {
    const settings = "accept: true, certificates: { request: true }";
    const agent = await configured({ endpoint: UNUSED, settings, request: { state } });
    const found = await looked(agent);
    const expected = told === undefined ? [] : [told.replace("SINCE", SINCE)];
    expect(found.settings).toEqual([`ok ${AS_FILE}`, ...expected]);
    expect(found.dry.connection?.notes.map((note) => note.split(" (")[0])).toEqual(
      expected.map((text) => text.replace(/^\w+ /, "")),
    );
  });

  test("tell nothing of a signing request that was made for another file", async () => {
    const settings = "accept: true, certificates: { request: true }";
    const agent = await configured({ endpoint: UNUSED, settings, request: { state: "requested", origin: "0" } });
    expect((await looked(agent)).settings).toEqual([`ok ${AS_FILE}`]);
  });

  test("tell what is on trial and will be given up, as the policy no longer allows it", async () => {
    const candidate = { endpoint: "ws://10.0.0.1:9/v1/opamp" };
    const { settings } = await looked(await configured({ endpoint: UNUSED, candidate }));
    expect(settings).toEqual([
      `ok ${AS_FILE}`,
      expect.stringMatching(/^warning on trial: ws:\/\/10\.0\.0\.1.*; the next start gives it up: .*may be moved to$/),
    ]);
  });

  test("say of a trial alone nothing that the file's own endpoint is to blame for", async () => {
    const settings = "accept: true, allow_cleartext: false";
    const candidate = { endpoint: "wss://127.0.0.1:9/v1/opamp" };
    const found = await looked(await configured({ endpoint: UNUSED, candidate, settings }));
    expect(found.settings[0]).toBe(`ok ${AS_FILE}`);
  });

  test("say that it is not used where the file does not let the server change anything", async () => {
    const accepted = { endpoint: "ws://127.0.0.1:2/" };
    const { settings, dry, steps } = await looked(
      await configured({ endpoint: UNUSED, accepted, settings: "accept: false" }),
    );
    const told = `${AS_FILE}; what the server had changed is not used, since the file accepts no connection settings`;
    expect([settings, dry.server]).toEqual([[`warning ${told}`], UNUSED]);
    const hint = "they stay in storage.directory, and count again with connection_settings.accept: true";
    expect(dry.connection?.source).toBe(`${told} (nothing has to be done if that is meant: ${hint})`);
    expect(JSON.stringify(steps)).toContain(hint);
    expect(JSON.stringify(dry.firstReport)).not.toContain("connectionSettingsStatus");
  });

  test("say nothing of it where nothing was changed either", async () => {
    const { settings, dry } = await looked(await configured({ endpoint: UNUSED, settings: "accept: false" }));
    expect([settings, dry.connection, dry.server]).toEqual([[], undefined, UNUSED]);
  });

  test("follow no redirect to a host that the agent may not be moved to", async () => {
    const [server, other] = await Promise.all([started(), started()]);
    const to = other.httpUrl.replace("127.0.0.1", "localhost");
    server.misbehave({ on: "request", mode: "redirect", to, times: Number.POSITIVE_INFINITY });
    const { exitCode, of } = await looked(await configured({ endpoint: UNUSED, accepted: { endpoint: server.url } }));
    expect([exitCode === 0, of("redirect").length, other.attempts.length]).toEqual([false, 1, 0]);
  });

  test("tell that credentials which are refused were offered", async () => {
    const server = await started({ auth: { bearer: "other" } });
    const accepted = { endpoint: server.url, headers: { authorization: `Bearer ${SECRET}` } };
    const { exitCode, steps } = await looked(await configured({ endpoint: UNUSED, accepted }));
    expect(exitCode).toBe(6);
    expect(steps.find(({ status }) => status === "failed")?.hint).toMatch(/have the server offer credentials.*epoch/);
  });
});

describe("the client certificate that a server offered", () => {
  const inDays = (days: number): Date => new Date(Math.floor(Date.now() / 1_000) * 1_000 + days * DAY_MS);
  const iso = (date: Date): string => date.toISOString().replace(".000Z", "Z");

  test.each<[days: number, exitCode: number, text: (date: string) => string]>([
    [-1, 5, (date) => `failed the client certificate from the server ended on ${date}`],
    [13.5, 0, (date) => `warning the client certificate from the server is valid until ${date}; it expires in 13 days`],
    [15, 0, (date) => `ok the client certificate from the server is valid until ${date}`],
  ])("which ends in %d days leads to exit code %d", async (days, exitCode, text) => {
    const until = inDays(days);
    const server = await started();
    const { cert, key } = await issue({ usage: "client", notBefore: inDays(-30), notAfter: until });
    const accepted = { endpoint: server.url, certificate: { cert, key } };
    const found = await looked(await configured({ endpoint: UNUSED, accepted }));
    expect([found.exitCode, found.settings.slice(1)]).toEqual([exitCode, [text(iso(until))]]);
    expect(found.of("files")).toEqual([]);
    expect(found.dry.connection?.certificateUntil).toBe(until.toISOString());
    expect(found.dry.connection?.notes[0]).toContain(iso(until));
  });
});
