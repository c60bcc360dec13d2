import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type HealthCheckOptions, healthCheck } from "../../../src/agent/health/health-check.js";
import { virtualClock } from "../../../src/testing/index.js";
import type { Health } from "../../../src/values/health.js";
import { Arrivals } from "../../transport/arrivals.js";
import { folderForTest } from "../config-directory/folder.js";

const WELL = { healthy: true, status: "StatusOK" };

/** A health check on virtual time, and what it reports. */
function checking(options: Omit<HealthCheckOptions, "report" | "clock">) {
  const clock = virtualClock();
  const reports = new Arrivals<Health>();
  const check = healthCheck({ ...options, clock, report: (health) => reports.push(health) });
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
  test("that leads elsewhere is not followed, and not well", async () => {
    const { url, host, state, requests } = await answering();
    state.status = 302;
    const { reports } = checking({ url });
    expect(await reports.next()).toMatchObject({
      healthy: false,
      lastError: `${host} answered 302, a redirect, which is not followed`,
    });
    expect(requests.all).toEqual(["GET /health"]);
  });

  test("is asked at once, then at each interval, and only changes are reported", async () => {
    const { url, host, state, requests } = await answering();
    const { clock, reports } = checking({ url, intervalMs: 1_000 });
    expect(await reports.next()).toEqual(WELL);
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
    expect(reports.all).toEqual([
      WELL,
      { healthy: false, status: "StatusRecoverableError", lastError: `${host} answered 503` },
    ]);
  });

  for (const [status, healthy] of [
    [204, true],
    [299, true],
    [302, false],
    [404, false],
  ] as const) {
    test(`that answers ${status} is ${healthy ? "healthy" : "not"}, and no redirect is followed`, async () => {
      const { url, state, requests } = await answering();
      state.status = status;
      const { reports } = checking({ url });
      expect(await reports.next()).toMatchObject({ healthy });
      expect(requests.all).toEqual(["GET /health"]);
    });
  }

  test("that nobody answers at is not healthy, and the reason is told", async () => {
    const { reports } = checking({ url: "http://127.0.0.1:1/" });
    expect((await reports.next()).lastError).toContain("ECONNREFUSED");
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
    const { clock, reports } = checking({ url: `http://127.0.0.1:${port}/`, timeoutMs: 2_000 });
    await asked.next();
    await clock.advance(2_000);
    expect((await reports.next()).lastError).toBe("no answer within 2000 ms");
  });
});

describe("a command", () => {
  test("is healthy by its exit code, and says why it is not without its secrets", async () => {
    const file = join(folderForTest(), "well");
    writeFileSync(file, "");
    const { clock, reports } = checking({ command: `[ -e ${file} ] || { echo token=abc; exit 2; }` });
    expect(await reports.next()).toEqual(WELL);
    rmSync(file);
    await clock.advance(30_000);
    const { lastError, ...rest } = await reports.next();
    expect(rest).toEqual({ healthy: false, status: "StatusRecoverableError" });
    expect(lastError).toMatch(/ended with exit code 2\ntoken=\[REDACTED\]$/);
    writeFileSync(file, "");
    await waiting(clock);
    await clock.advance(30_000);
    expect(await reports.next()).toEqual(WELL);
  });
});

describe("stopping", () => {
  test("ends the check under way, and nothing is reported", async () => {
    const lines = new Arrivals<string>();
    const log = { debug: (line: string) => lines.push(line) };
    const { clock, reports, check } = checking({ command: "echo started; exec sleep 100", log });
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

for (const [options, message] of [
  [{}, "healthCheck: must have either `command` or `url`"],
  [{ url: "http://x/", command: "true" }, "healthCheck: must have either `command` or `url`"],
  [{ url: "ftp://x/" }, "healthCheck.url: must be an http or https URL, such as http://127.0.0.1:13133/"],
  [{ command: " " }, "healthCheck.command: must be a text for the shell"],
  [{ command: "true", intervalMs: 0 }, "healthCheck.intervalMs: must be milliseconds above 0, not 0"],
  [{ command: "true", report: undefined }, "healthCheck.report: is missing"],
] as const) {
  test(`${JSON.stringify(options)} is refused`, () => {
    const given: Record<string, unknown> = { report: () => undefined, ...options };
    expect(() => Reflect.apply(healthCheck, undefined, [given])).toThrow(message);
  });
}
