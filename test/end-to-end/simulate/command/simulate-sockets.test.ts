import { describe, expect, onTestFinished, test } from "vitest";
import type { SimulationResult } from "../../../../src/simulate/result.js";
import { runSockets } from "../../../../src/simulate/sockets/run-sockets.js";
import { socketWorld } from "../../../../src/simulate/sockets/socket-world.js";
import {
  OpAMPServer,
  type OpAMPServerOptions,
  type ServerAgent,
  testCertificates,
} from "../../../../src/testing/index.js";
import { fileForTest } from "../../../cli/files.js";
import { opamp } from "../../../cli/terminal.js";
import { CALM, figureOf } from "../sockets/fleet.js";

/** A server that offers each agent a configuration once. */
async function start(options: OpAMPServerOptions = {}): Promise<OpAMPServer> {
  const offered = new Set<ServerAgent>();
  const server = await OpAMPServer.start({
    ...options,
    onMessage(agent) {
      if (!offered.has(agent)) agent.offerConfig({ "offered.yaml": "a: 1" });
      offered.add(agent);
      return undefined;
    },
  });
  onTestFinished(() => server.close());
  return server;
}

/** Runs agents until something has come about, and then ends the run as Ctrl-C does. */
async function simulate(until: Promise<unknown>, ...args: string[]): Promise<SimulationResult> {
  const run = opamp("simulate", "--json", "--proxy", "none", "--ramp", "0", "--duration", "600", ...args);
  await until;
  process.emit("SIGINT", "SIGINT");
  const { code, out, err } = await run;
  expect(err).not.toContain("error");
  expect(code).toBe(130);
  return JSON.parse(out);
}

/** Resolves once so many agents have reported to a server. */
function agentsOf(server: OpAMPServer, count: number): Promise<unknown> {
  return server.until(({ agents }) => agents.size === count);
}

describe.each(["url", "httpUrl"] as const)("three hundred agents against the %s of a server", (transport) => {
  test("restart, break, change their health and fail to apply, and all leave in the end", async () => {
    const server = await start();
    const enough = new AbortController();
    const settings = {
      ...CALM,
      agents: 300,
      rampMs: 2_000,
      durationMs: 600_000,
      heartbeatMs: 2_000,
      perMinute: { healthChanges: 2, restarts: 2, breaks: 2 },
      failedOffers: 0.1,
      applyMs: 200,
    };
    const world = socketWorld({ url: server[transport], proxy: false, followsRedirects: false });
    const run = runSockets(settings, world, { signal: enough.signal });
    // A restart and a break take another connection each.
    await server.until(({ agents, sockets }) => agents.size === 300 && sockets.total > 400);
    const [unhealthy, failed] = [new Set<string>(), new Set<string>()];
    await server.until(({ agents }) => {
      for (const [uid, { health, remoteConfigStatus }] of agents) {
        if (health?.healthy === false) unhealthy.add(uid);
        if (remoteConfigStatus?.errorMessage) failed.add(uid);
      }
      return unhealthy.size > 20 && failed.size > 10;
    });
    enough.abort();
    const result = await run;
    const agents = [...server.agents.values()];
    expect(agents).toHaveLength(300);
    expect(server.connections.open).toBe(0);
    await server.until(({ sockets }) => sockets.open === 0);
    const figure = (name: string): number => figureOf(result, name) ?? Number.NaN;
    const silent = agents.filter(({ lastMessage }) => lastMessage?.agentDisconnect === undefined);
    // A break may have left them without a connection to say it on.
    expect(silent.length).toBeLessThanOrEqual(300 - figure("connected at the end"));
    for (const name of ["restarts", "breaks", "changes of health"]) expect(figure(name)).toBeGreaterThan(10);
    expect(figure("offers failed")).toBeGreaterThanOrEqual(failed.size);
    expect(figure("offers applied")).toBeGreaterThan(figure("offers failed"));
    // Some have come back.
    expect(figure("attempts accepted")).toBeGreaterThan(300);
    expect(figure("time to first answer, p99")).toBeGreaterThan(0);
    expect(result.seconds.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(figure("attempts accepted"));
  });

  test("present a client certificate, headers and attributes of the options over TLS", async () => {
    const { ca, server: certificate, client } = await testCertificates();
    const seen: (string | undefined)[] = [];
    const server = await start({
      tls: { ...certificate, ca, requestClientCert: "require" },
      onConnect({ headers }) {
        seen.push(headers["x-team"]?.toString());
        return undefined;
      },
    });
    const files = ["--ca", fileForTest(ca), "--cert", fileForTest(client.cert), "--key", fileForTest(client.key)];
    const names = ["--attribute", "service.name=shop-{n}", "--zones", "1", "-H", "X-Team: a"];
    await simulate(agentsOf(server, 20), "--url", server[transport], "--agents", "20", ...files, ...names);
    const attributes = [...server.agents.values()].map((agent) => agent.attributes);
    expect(attributes.map(({ identifying }) => identifying["service.name"]).toSorted()).toContain("shop-20");
    expect(new Set(attributes.map(({ nonIdentifying }) => nonIdentifying["cloud.availability_zone"]))).toEqual(
      new Set(["zone-1"]),
    );
    expect(new Set(seen)).toEqual(new Set(["a"]));
  });
});

test("a fleet has the token of a file, and its result as JSON names the server", async () => {
  const server = await start({ auth: { bearer: "tok-4711" } });
  const token = ["--token-file", fileForTest("tok-4711\n")];
  const result = await simulate(agentsOf(server, 3), "--url", server.url, "--agents", "3", ...token);
  expect(result).toMatchObject({ scenario: server.url, agents: 3, seed: 1 });
  expect(server.agents.size).toBe(3);
});

test("a fleet that nobody lets in says why and ends with 1", async () => {
  const server = await start({ auth: { bearer: "right" } });
  const args = ["--url", server.url, "--agents", "5", "--ramp", "0", "--duration", "3", "--proxy", "none"];
  const { code, out, err } = await opamp("simulate", ...args, "-H", "Authorization: Bearer wrong-4711");
  expect(code).toBe(1);
  expect(err).toContain("error: no agent ever connected");
  expect(out).toMatch(/attempts refused: ERR_OPAMP_UNAUTHORIZED .*credentials given with --token-file or -H/);
  expect(out).not.toContain("4711");
});

test("a redirect to another server is followed only where public servers are allowed", async () => {
  const [first, second] = [await start(), await start()];
  const args = ["--url", first.httpUrl, "--agents", "2"];
  const location = second.httpUrl;
  first.refuseNext({ status: 307, headers: { location } }, Number.POSITIVE_INFINITY);
  // The third is one that comes back.
  const refused = first.until(({ attempts }) => attempts.length > 2);
  const { figures } = await simulate(refused, ...args);
  expect(figures.map(({ name }) => name)).toContain("attempts refused: ERR_OPAMP_HTTP_STATUS");
  expect(second.agents.size).toBe(0);
  await simulate(agentsOf(second, 2), ...args, "--allow-public-server");
  expect(second.agents.size).toBe(2);
});
