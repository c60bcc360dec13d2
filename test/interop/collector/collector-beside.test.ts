import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { testCertificates } from "../../../src/testing/index.js";
import { transports } from "../fixture.js";
import { compare, type Given, seen, unwantedIn } from "./collector-compare.js";
import { collectorFile, type FileChanges } from "./collector-config.js";
import { type ProgramName, programs, type RunOptions, startProgram, temporaryFolder } from "./collector-program.js";
import { endpointOf, startWatchedServer } from "./collector-run.js";
import { differences } from "./differences.js";
import { wantedDifferences } from "./wanted-differences.js";

const UUID = "01890a5d-ac96-774b-bcce-b302099a8058";
const ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const LONG_MS = 10_000;
/** Many times what a Collector needs that starts. */
const SHORT_MS = 1_500;
const ENDPOINT = { ws: "ws://127.0.0.1:1/v1/opamp", http: "http://127.0.0.1:1/v1/opamp" };

test.for(transports)("%s: both say the same from the first report to the last", async (transport) => {
  const changes = {
    opamp: { capabilities: { accepts_restart_command: true } },
    server: { headers: { "X-Tenant": "acme", "X-Region": "north" } },
  };
  const { collector, ours, unwanted } = await compare({ transport, changes, whole: true });
  expect(unwanted).toEqual([]);
  const both = {
    headers: { "x-tenant": "acme", "x-region": "north" },
    health: { healthy: true, status: "StatusOK" },
    restart: { health: { healthy: true }, description: { nonIdentifying: { changed: "yes" } } },
    heartbeat: transport === "ws" ? { messages: 0 } : { polls: "at the interval" },
    end: { exitCode: 0 },
  };
  expect(collector).toMatchObject(both);
  expect(ours).toMatchObject(both);
  const goodbye = { healthy: false, lastIsGoodbye: true };
  expect(ours).toMatchObject({ restart: { goodbye }, end: goodbye });
  if (transport === "ws") expect(collector).toMatchObject({ restart: { goodbye }, end: goodbye });
});

/** Settings, and what must show of each on both sides. */
const settings: Record<
  string,
  { transport?: Given["transport"]; changes: FileChanges; env?: RunOptions["env"]; shows: object }
> = {
  "a resource without a name": {
    changes: { resource: { team: "blue" } },
    shows: { description: { identifying: { "service.instance.id": "the uid" } } },
  },
  "instance_uid as a UUID": {
    changes: { opamp: { instance_uid: UUID } },
    shows: { uid: UUID },
  },
  "instance_uid as a ULID": {
    transport: "http",
    changes: { opamp: { instance_uid: ULID } },
    shows: { uid: "01563e3a-b5d3-d676-4c61-efb99302bd5b" },
  },
  "service.instance.id of the resource": {
    changes: { resource: { "service.name": "interop", "service.instance.id": UUID } },
    shows: { uid: UUID },
  },
  include_resource_attributes: {
    changes: { opamp: { agent_description: { include_resource_attributes: true } } },
    shows: { description: { nonIdentifying: { team: "blue" } } },
  },
  "attributes in the place of detected ones": {
    changes: {
      opamp: {
        agent_description: {
          include_resource_attributes: true,
          non_identifying_attributes: { "os.description": "Mine", "host.name": "h1", a: "1", team: "green" },
        },
      },
    },
    shows: { description: { nonIdentifying: { "os.description": "Mine", "host.name": "h1", a: "1", team: "blue" } } },
  },
  "no effective config": {
    changes: { opamp: { capabilities: { reports_effective_config: false } } },
    shows: { effectiveConfig: undefined },
  },
  "no available components": {
    changes: { opamp: { capabilities: { reports_available_components: false } } },
    shows: { availableComponents: { hash: undefined } },
  },
  "nothing but health": {
    changes: { opamp: { capabilities: { reports_effective_config: false, reports_available_components: false } } },
    shows: { capabilities: ["reportsStatus", "reportsHealth"] },
  },
  "references to variables": {
    env: { INTEROP_TENANT: "acme", INTEROP_RACK: "r7" },
    changes: {
      server: { headers: { "X-Tenant": `tenant \${env:INTEROP_TENANT}`, "X-Zone": `\${env:INTEROP_ZONE:-none}` } },
      opamp: { agent_description: { non_identifying_attributes: { rack: `\${INTEROP_RACK}`, price: "$$5" } } },
    },
    shows: {
      headers: { "x-tenant": "tenant acme", "x-zone": "none" },
      description: { nonIdentifying: { rack: "r7", price: "$5" } },
    },
  },
  "a bearer token": {
    changes: {
      server: { auth: "bearertokenauth/a" },
      extensions: { "bearertokenauth/a": { token: "s3cret", scheme: "Token" } },
    },
    shows: { headers: { authorization: "Token s3cret" } },
  },
  "a name and a password": {
    transport: "http",
    changes: {
      server: { auth: "basicauth" },
      extensions: { basicauth: { client_auth: { username: "anna", password: "s3cret" } } },
    },
    shows: { headers: { authorization: "Basic YW5uYTpzM2NyZXQ=" } },
  },
};

test.for(Object.entries(settings))(
  "both report the same with %s",
  async ([, { transport = "ws", changes, env = {}, shows }]) => {
    const { collector, ours, unwanted } = await compare({ transport, changes, options: { env } });
    expect(unwanted).toEqual([]);
    expect(collector).toMatchObject(shows);
    expect(ours).toMatchObject(shows);
    expect(JSON.stringify([collector["effectiveConfig"], ours["effectiveConfig"]])).not.toContain("s3cret");
  },
);

describe.for(transports)("over TLS, %s", (transport) => {
  /** What a program needs, as files. */
  async function prepare() {
    const certificates = await testCertificates();
    const folder = temporaryFolder();
    const save = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const { ca, server, client } = certificates;
    return {
      server: { ...server, ca, requestClientCert: "require" } as const,
      own: { cert_file: save("cert.pem", client.cert), key_file: save("key.pem", client.key) },
      ownInText: { cert_pem: client.cert, key_pem: client.key },
      trusted: { ca_file: save("ca.pem", ca) },
      trustedInText: { ca_pem: ca },
    };
  }

  test("both present their certificate and trust the configured authority", async () => {
    const { server, own, ownInText, trusted, trustedInText } = await prepare();
    const tlsKeys = transport === "http" ? { ...own, ...trusted } : { ...ownInText, ...trustedInText };
    const given = { transport, tls: server, changes: { server: { tls: { ...tlsKeys, min_version: "1.3" } } } };
    const { collector, ours, unwanted } = await compare(given);
    expect(unwanted).toEqual([]);
    const tls = { protocol: "TLSv1.3", client: "CN=test client" };
    expect([collector, ours]).toMatchObject([{ tls }, { tls }]);
    expect(JSON.stringify([collector, ours])).not.toContain("PRIVATE KEY");
  });

  test("both skip verification if configured so", async () => {
    const { server, own } = await prepare();
    const given = { transport, tls: server, changes: { server: { tls: { ...own, insecure_skip_verify: true } } } };
    expect((await compare(given)).unwanted).toEqual([]);
  });

  test("neither sends anything to an untrusted server", async () => {
    const { server: tls, own } = await prepare();
    const speaks = async (program: ProgramName) => {
      const { server } = await startWatchedServer(tls);
      startProgram(program, collectorFile(transport, endpointOf(server, transport), { server: { tls: own } }));
      await server.until(({ tlsFailures }) => tlsFailures.length > 0, { timeoutMs: LONG_MS });
      return server.agents.size > 0;
    };
    expect(await Promise.all(programs.map(speaks))).toEqual([false, false]);
  });
});

describe("what one of the two refuses", () => {
  const files: Record<string, { changes?: FileChanges; endpoint?: string; withoutGate?: true }> = {
    "a restart command without the gate": {
      changes: { opamp: { capabilities: { accepts_restart_command: true } } },
      withoutGate: true,
    },
    "keys of later versions": {
      changes: { opamp: { reports_raw_config: true, capabilities: { reports_heartbeat: true } } },
    },
    "a list of attributes": { changes: { resource: { attributes: [{ name: "team", value: "red" }] } } },
    "a number as resource attribute": { changes: { resource: { size: 4 } } },
    "an http URL under ws": { endpoint: ENDPOINT.http },
    "a process id that is too large": { changes: { opamp: { ppid: 2 ** 31 } } },
  };

  test.for(Object.entries(files))("%s", async ([title, { changes, endpoint = ENDPOINT.ws, withoutGate = false }]) => {
    const file = collectorFile("ws", endpoint, changes);
    const isAccepted = async (program: "collector" | "ours") => {
      return (await startProgram(program, file, { onlyCheck: true, withoutGate }).ended) === 0;
    };
    const [collector, ours] = await Promise.all([isAccepted("collector"), isAccepted("ours")]);
    const found = differences({ accepted: { [title]: collector } }, { accepted: { [title]: ours } });
    expect(found).not.toEqual([]);
    expect(unwantedIn(found)).toEqual([]);
  });
});

test("without health, the Collector does not even start", async () => {
  const speaks = async (program: ProgramName) => {
    const { server } = await startWatchedServer();
    startProgram(program, collectorFile("ws", server.url, { opamp: { capabilities: { reports_health: false } } }));
    const wait = { signal: AbortSignal.timeout(program === "ours" ? LONG_MS : SHORT_MS) };
    const agent = await server.firstAgent(wait).catch(() => undefined);
    return { speaks: agent !== undefined, health: agent?.health };
  };
  const [collector, ours] = await Promise.all(programs.map(speaks));
  expect(ours?.health).toBeUndefined();
  const found = differences(
    { speaks: { "without health": collector?.speaks } },
    { speaks: { "without health": ours?.speaks } },
  );
  expect(found).not.toEqual([]);
  expect(unwantedIn(found)).toEqual([]);
});

test("without its parent process, the Collector continues", async () => {
  const ends = async (program: ProgramName) => {
    const parent = spawn("sleep", ["60"]);
    onTestFinished(() => void parent.kill("SIGKILL"));
    const { server } = await startWatchedServer();
    const opamp = { ppid: parent.pid, ppid_poll_interval: "50ms" };
    const { ended } = startProgram(program, collectorFile("ws", server.url, { opamp }));
    const agent = await server.firstAgent({ timeoutMs: LONG_MS });
    await agent.until(({ health }) => health?.healthy === true, { timeoutMs: LONG_MS });
    parent.kill("SIGKILL");
    const code = await Promise.race([ended, sleep(program === "ours" ? LONG_MS : SHORT_MS, "runs")]);
    return { code, health: agent.health, disconnected: agent.disconnected };
  };
  const [collector, ours] = await Promise.all([ends("collector"), ends("ours")]);
  expect(ours).toMatchObject({ code: 1, health: { status: "StatusFatalError" }, disconnected: true });
  const found = differences(
    { ends: { orphaned: collector.code !== "runs" } },
    { ends: { orphaned: ours.code !== "runs" } },
  );
  expect(found).not.toEqual([]);
  expect(unwantedIn(found)).toEqual([]);
});

test("every wanted difference was seen", () => {
  expect([...seen].sort()).toEqual(wantedDifferences.map(({ id }) => id).sort());
});
