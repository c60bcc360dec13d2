import { describe, expect, test } from "vitest";
import { type OpAMPServer, testCertificates } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import type { AgentProcess } from "../agent-process.js";
import { builtCommand, type Transport } from "../agent-work.js";
import { opamp } from "../terminal.js";

const built = builtCommand();
const SECRET = "s3cret-t0ken";
const ACCEPT = { connection_settings: { accept: true, verify_timeout: "20s" } };
const [APPLIED, FAILED] = [1, 3];
const KINDS: readonly Transport[] = ["ws", "http"];

function urlOf(server: OpAMPServer, transport: Transport): string {
  return transport === "ws" ? server.url : server.httpUrl;
}

/** Offers an endpoint and a header by the server that the agent is connected to. */
function offer(server: OpAMPServer, destinationEndpoint: string, hash = 1): void {
  const headers = { headers: [{ key: "Authorization", value: `Bearer ${SECRET}` }] };
  const opamp = { destinationEndpoint, headers };
  for (const agent of server.agents.values()) agent.send({ connectionSettings: { hash: Uint8Array.of(hash), opamp } });
}

/** Resolves once the server has been told of this outcome. */
async function told(server: OpAMPServer, status: number): Promise<void> {
  const agent = await server.firstAgent();
  await agent.until(({ connectionSettingsStatus }) => connectionSettingsStatus?.status === status);
}

async function begin(transport: Transport = "ws") {
  const { server: first, work } = await built.begin(transport);
  const second = await startServer();
  work.configure(ACCEPT);
  return { first, second, work };
}

/** Ends an agent in an orderly way, with nothing secret in its log. */
async function ended(agent: AgentProcess): Promise<void> {
  expect(await agent.end()).toBe(0);
  expect(agent.log).not.toContain(SECRET);
}

describe.each(KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const)))("an agent over %s", (from, to) => {
  verifies(
    ["CONN-04", "CONN-08"],
    `goes where its server sends it over ${to}, and is there after a restart, until the epoch is another one`,
    async () => {
      const { first, second, work } = await begin(from);
      const place = urlOf(second, to);
      const agent = work.start();
      await first.firstAgent();
      offer(first, place);
      await told(second, APPLIED);
      await agent.line(/Connection settings 01 applied/);
      expect(agent.log).toContain(`INFO  The offered connection settings are in force: ${place}`);
      await ended(agent);

      const dry = await opamp("agent", "--config", work.path("opamp.yaml"), "--dry-run");
      expect(dry.out).toMatch(new RegExp(`^connection {8}${place}, as the server offered it, since 2`, "m"));
      const before = first.attempts.length;
      const again = work.start();
      await again.line(new RegExp(`Agent .* for ${place} \\(as the server offered it, since 2.*\\): state in`));
      await again.line(/Connected to the OpAMP server/);
      expect(first.attempts.length).toBe(before);
      expect((await opamp("doctor", "-c", work.path("opamp.yaml"))).out).toContain(`ok    settings  ${place}, as the`);

      work.configure({ connection_settings: { ...ACCEPT.connection_settings, epoch: "2" } });
      again.signal("SIGHUP");
      expect(await again.line(/put aside/)).toMatch(
        /WARN .*the file changed since they were offered: connection_settings\.epoch \(.*the file counts/,
      );
      await again.line(new RegExp(`Agent .* for ${urlOf(first, from)}: state in`));
      await expect.poll(() => first.attempts.length).toBeGreaterThan(before);
      await ended(again);
    },
  );
});

describe("SIGHUP", () => {
  test("with a file that changes nothing of the connection leaves the agent where it was moved", async () => {
    const { first, second, work } = await begin();
    const agent = work.start();
    await first.firstAgent();
    offer(first, second.url);
    await told(second, APPLIED);
    await agent.line(/Connection settings 01 applied/);
    const before = first.attempts.length;
    work.configure({ ...ACCEPT, log: { level: "debug" } });
    agent.signal("SIGHUP");
    await agent.line(/Agent .* \(as the server offered it, since/);
    await expect.poll(() => agent.count(/Connected to the OpAMP server/)).toBe(3);
    expect([first.attempts.length, agent.count(/put aside/)]).toEqual([before, 0]);
    await ended(agent);
  });

  test("while settings are on trial goes on with them", async () => {
    const { first, second, work } = await begin();
    second.misbehave({ mode: "silence", times: 1 });
    const agent = work.start();
    await first.firstAgent();
    offer(first, second.url);
    await agent.line(/Disconnected to try the offered connection settings/);
    await expect.poll(() => second.attempts.length).toBe(1);
    agent.signal("SIGHUP");
    await told(second, APPLIED);
    await agent.line(/Connection settings 01 applied/);
    await ended(agent);
  });

  test("has settings tried again that failed", async () => {
    let isRefusing = true;
    const second = await startServer({ onConnect: () => (isRefusing ? { status: 401 } : undefined) });
    const { first, work } = await begin();
    const place = second.url;
    const agent = work.start();
    await first.firstAgent();
    offer(first, place);
    await told(first, FAILED);
    expect(await agent.line(/Connection settings 01 failed/)).toMatch(/WARN .*401/);
    expect(agent.log).toContain(`WARN  Rolled back to ${first.url}`);
    isRefusing = false;
    agent.signal("SIGHUP");
    await agent.line(/SIGHUP: restarting/);
    await told(first, 0);
    // What is sent while the old client leaves is lost with its connection.
    await expect.poll(() => agent.count(/Connected to the OpAMP server/)).toBe(2);
    offer(first, place);
    await told(second, APPLIED);
    await ended(agent);
  });
});

describe("SIGHUP after the process died of settings", () => {
  test("has them tried again", async () => {
    const { first, second, work } = await begin();
    // Without end: a process that is killed before its first message has used up no silence.
    second.misbehave({ mode: "silence", times: Number.POSITIVE_INFINITY });
    const place = second.url;
    for (const times of [1, 2, 3]) {
      const dying = work.start();
      if (times === 1) {
        await first.firstAgent();
        offer(first, place);
      }
      await expect.poll(() => second.attempts.length).toBe(times);
      await dying.end("SIGKILL");
    }
    const agent = work.start();
    await told(first, FAILED);
    const error = (await first.firstAgent()).connectionSettingsStatus?.errorMessage;
    expect(error).toContain("ended 3 times while these settings were tried (find out why; SIGHUP to the agent tries");
    expect(agent.log).toContain("SIGHUP to the agent tries them again, and so does an offer with another hash");
    agent.signal("SIGHUP");
    await agent.line(/SIGHUP: restarting/);
    await told(first, 0);
    // What is sent while the old client leaves is lost with its connection.
    await expect.poll(() => agent.count(/Connected to the OpAMP server/)).toBe(2);
    second.behave();
    offer(first, place);
    await told(second, APPLIED);
    await ended(agent);
  });
});

describe("connection_settings", () => {
  test("is what the server is told of when the agent refuses an offer", async () => {
    const { first, work } = await begin();
    const agent = work.start();
    await first.firstAgent();
    offer(first, "wss://elsewhere.example.com/v1/opamp");
    await told(first, FAILED);
    const error = (await first.firstAgent()).connectionSettingsStatus?.errorMessage;
    expect(error).toContain("name its host in connection_settings.endpoints of the agent");
    expect(error).not.toContain("connectionSettings");
    await ended(agent);
  });
});

describe("connection_settings.certificates", () => {
  verifies(
    "CERT-07",
    "have the agent ask its server for a certificate, which is in force after a restart",
    async () => {
      const { ca, server } = await testCertificates();
      const { url, ...issuer } = await begunOverTls(server);
      const work = built.work({ url, httpUrl: "" });
      work.configure({
        server: { ws: { endpoint: url, tls: { ca_file: work.write("ca.pem", ca) } } },
        connection_settings: { accept: true, certificates: { request: true, subject: { organization: "Example" } } },
      });
      const agent = work.start();
      await agent.line(/in force: .*, with a client certificate that ends on \d{4}-/);
      await agent.line(/Connection settings .* applied/);
      await ended(agent);
      expect(agent.log).not.toContain("PRIVATE KEY");

      const dry = await opamp("agent", "--config", work.path("opamp.yaml"), "--dry-run");
      expect(dry.out).toMatch(
        /^connection .*as the server offered it, since .*\n +the client certificate from the server is/m,
      );
      const doctor = await opamp("doctor", "-c", work.path("opamp.yaml"));
      expect([doctor.code, doctor.out]).toEqual([
        0,
        expect.stringMatching(/settings {2}the client certificate from the se/),
      ]);
      const again = work.start();
      await again.line(/Agent .* \(as the server offered it, since/);
      await again.line(/Connected to the OpAMP server/);
      expect(issuer.requests()).toBe(1);
      await ended(again);
    },
  );
});

test("a request for a certificate that has not come is told at the start", async () => {
  const { ca, server } = await testCertificates();
  const issuer = await begunOverTls(server, "by hand");
  const work = built.work({ url: issuer.url, httpUrl: "" });
  work.configure({
    server: { ws: { endpoint: issuer.url, tls: { ca_file: work.write("ca.pem", ca) } } },
    connection_settings: { accept: true, certificates: { request: true } },
  });
  const agent = work.start();
  await agent.line(/The server has the request for a client certificate/);
  await ended(agent);
  const again = work.start();
  await again.line(/Agent .* for \S+ \(its request for a client certificate is with the server since \d.*\): state in/);
  await ended(again);
});

/** A server over TLS that issues certificates, and how many it was asked for. */
async function begunOverTls(tls: { cert: string; key: string }, issue: "at once" | "by hand" = "at once") {
  let count = 0;
  const server = await startServer({
    tls,
    signingRequests: { issue },
    onMessage: (_, message) => {
      if (message.connectionSettingsRequest !== undefined) count += 1;
      return undefined;
    },
  });
  return { url: server.url, requests: () => count };
}
