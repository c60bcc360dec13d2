/** What only `npm run test:full` runs: tests that need long, much memory or many processes. */
export const longTests: readonly string[] = [
  "test/agent/config-directory/config-crash.test.ts",
  "test/cli/agent-crash.test.ts",
  "test/cli/agent-lock.test.ts",
  "test/cli/agent-mounts.test.ts",
  "test/cli/agent-stuck.test.ts",
  "test/cli/agent-unprivileged.test.ts",
  "test/client/run/process-exit.test.ts",
  "test/docs/snippets.test.ts",
  "test/docs/test-against.test.ts",
  "test/docs/testing-network.test.ts",
  "test/docs/testing-server.test.ts",
  "test/end-to-end/convergence/convergence.test.ts",
  "test/end-to-end/hostile/flood.test.ts",
  "test/end-to-end/hostile/fuzz.test.ts",
  "test/end-to-end/hostile/memory.test.ts",
  "test/end-to-end/network/full-size.test.ts",
  "test/store/agents-on-disk.test.ts",
  "test/store/crash-points.test.ts",
  "test/store/stopped-holder.test.ts",
  "test/transport/limits.test.ts",
  "test/wire/hostile-payload.test.ts",
];

/** Whether `npm run test:full` runs, so that nothing is left out. */
export const isFull = process.env["TEST_FULL"] === "true";
