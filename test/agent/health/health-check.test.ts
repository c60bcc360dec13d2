import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { HealthCheckSettings, HealthTimes } from "../../../src/agent/file/health-keys.js";
import { type HealthCheckHost, healthCheck } from "../../../src/agent/health/health-check.js";
import { virtualClock } from "../../../src/testing/index.js";
import { Arrivals } from "../../transport/arrivals.js";
import { folderForTest } from "../config-directory/folder.js";

const WELL = "is well";

/** A health check on virtual time, and what it reports. */
function checking(
  settings: HealthCheckSettings,
  { log, ...times }: Partial<HealthTimes> & Pick<HealthCheckHost, "log"> = {},
) {
  const clock = virtualClock();
  const reports = new Arrivals<string>();
  const report = (problem: string | undefined) => reports.push(problem ?? WELL);
  const check = healthCheck(
    settings,
    { intervalMs: 30_000, timeoutMs: 5_000, ...times },
    { clock, report, ...(log && { log }) },
  );
  onTestFinished(() => check.stop());
  return { clock, reports, check };
}

/** A server that answers with the status that is set, and whose requests arrive here. */
async function answering() {
  const state = { status: 200 };
  const requests = new Arrivals<string>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.writeHead(state.status, { location: "/elsewhere" }).end("some text");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/health`, host: `127.0.0.1:${port}`, state, requests };
}

/** Until a check has ended, and the wait for the next has begun. */
async function waiting(clock: { pending: number }): Promise<void> {
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe("a URL", () => {
  test("that redirects is unhealthy, and the redirect is not followed", async () => {
    const { url, host, state, requests } = await answering();
    state.status = 302;
    const { reports } = checking({ url });
    expect(await reports.next()).toBe(`${host} answered 302, a redirect, which is not followed`);
    expect(requests.all).toEqual(["GET /health"]);
  });

  test("is asked at once, then at each interval, and only changes are reported", async () => {
    const { url, host, state, requests } = await answering();
    const { clock, reports } = checking({ url }, { intervalMs: 1_000 });
    expect(await reports.next()).toBe(WELL);
    expect(await requests.next()).toBe("GET /health");
    await clock.advance(999);
    expect(requests.all).toHaveLength(1);
    await clock.advance(1);
    await requests.next();
    state.status = 503;
    // The check that was well has ended: its time limit is gone, and only the wait is there.
    while (clock.pending !== 1) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1_000);
    while (reports.all.length === 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(1_000);
    }
    expect(reports.all).toEqual([WELL, `${host} answered 503`]);
  });

  for (const [status, healthy] of [
    [204, true],
    [299, true],
    [300, false],
    [302, false],
    [404, false],
  ] as const) {
    test(`that answers ${status} is ${healthy ? "healthy" : "unhealthy"}, and no redirect is followed`, async () => {
      const { url, state, requests } = await answering();
      state.status = status;
      const { reports } = checking({ url });
      expect((await reports.next()) === WELL).toBe(healthy);
      expect(requests.all).toEqual(["GET /health"]);
    });
  }

  test("that refuses connections is unhealthy, with the reason", async () => {
    const { reports } = checking({ url: "http://127.0.0.1:1/" });
    expect(await reports.next()).toContain("ECONNREFUSED");
  });

  test("that never answers is not healthy when the time is up", async () => {
    const asked = new Arrivals<string>();
    const server = createTcpServer((socket) => {
      socket.on("error", () => undefined);
      asked.push("asked");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { clock, reports } = checking({ url: `http://127.0.0.1:${port}/` }, { timeoutMs: 2_000 });
    await asked.next();
    await clock.advance(2_000);
    expect(await reports.next()).toBe("no answer within 2000 ms");
  });
});

describe("a command", () => {
  test("is healthy by its exit code, and a failure shows its output without secrets", async () => {
    const file = join(folderForTest(), "well");
    writeFileSync(file, "");
    const { clock, reports } = checking({ command: `[ -e ${file} ] || { echo token=abc; exit 2; }` });
    expect(await reports.next()).toBe(WELL);
    rmSync(file);
    await clock.advance(30_000);
    expect(await reports.next()).toMatch(/ended with exit code 2\ntoken=\[REDACTED\]$/);
    writeFileSync(file, "");
    await waiting(clock);
    await clock.advance(30_000);
    expect(await reports.next()).toBe(WELL);
  });
});

describe("stopping", () => {
  test("ends the check under way, and nothing is reported", async () => {
    const lines = new Arrivals<string>();
    const log = { debug: (line: string) => lines.push(line) };
    const { clock, reports, check } = checking({ command: "echo started; exec sleep 100" }, { log });
    await lines.next();
    await check.stop();
    expect(clock.pending).toBe(0);
    expect(reports.all).toEqual([]);
  });

  test("ends the wait, and can be done twice", async () => {
    const { clock, reports, check } = checking({ command: "true" });
    await reports.next();
    await check.stop();
    await check.stop();
    expect(clock.pending).toBe(0);
  });
});
