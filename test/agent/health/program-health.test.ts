import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { HealthNode } from "../../../src/agent/file/health-keys.js";
import { startHealthChecks } from "../../../src/agent/health/program-health.js";
import { componentHealth } from "../../../src/extension/health/component-health.js";
import type { Health, Logger } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { Arrivals } from "../../transport/arrivals.js";
import { folderForTest } from "../config-directory/folder.js";

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const INTERVAL_MS = 1_000;

const checked = (command: string, components: HealthNode["components"] = {}): HealthNode => ({
  check: { command },
  components,
});

/** The checks of a program, and what the server would see. */
function checking(node: HealthNode) {
  const clock = virtualClock();
  const seen = new Arrivals<Health>();
  const health = componentHealth((report) => seen.push(report));
  const checks = startHealthChecks({ ...node, intervalMs: INTERVAL_MS, timeoutMs: 60_000 }, health, quiet, clock);
  onTestFinished(() => checks.stop());
  return {
    seen,
    /** Checks again and again until the program's error is this one. */
    async until(error: RegExp | undefined): Promise<Health> {
      for (;;) {
        const last = seen.all.at(-1);
        const isFound = error === undefined ? last?.healthy === true : error.test(last?.lastError ?? "");
        if (last !== undefined && isFound) return last;
        await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(INTERVAL_MS);
      }
    },
  };
}

/** A command that fails with a text while a file is there. */
function failing(text: string) {
  const path = join(folderForTest(), "fails");
  writeFileSync(path, "");
  return { command: `[ ! -e ${path} ] || { echo ${text}; exit 3; }`, repair: () => rmSync(path) };
}

test("the program's own failure comes first, then those of its components by name, whichever failed first", async () => {
  const [own, component] = [failing("own-failed"), failing("q-failed")];
  const { until } = checking({ check: { command: own.command }, components: { q: checked(component.command) } });
  const both = await until(/own-failed; q: .*q-failed$/s);
  expect(both).toMatchObject({ healthy: false, status: "StatusRecoverableError" });
  expect(both.components?.["q"]?.lastError).not.toMatch(/own-failed|q: /);
  own.repair();
  expect((await until(/^q: .*q-failed$/s)).healthy).toBe(false);
  component.repair();
  expect((await until(undefined)).lastError).toBeUndefined();
});

test("a failure deep inside names the way to it at each level, and a group without a check recovers", async () => {
  const deep = failing("deep-failed");
  const group = { check: undefined, components: { sender: checked(deep.command), other: checked("true") } };
  const { until } = checking({ check: undefined, components: { api: group } });
  const health = await until(/^api: sender: .*deep-failed$/s);
  expect(health.components?.["api"]?.lastError).toMatch(/^sender: .*deep-failed$/s);
  deep.repair();
  const well = await until(undefined);
  expect(well).toMatchObject({ status: "StatusOK", components: { api: { healthy: true } } });
});
