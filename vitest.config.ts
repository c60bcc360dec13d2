import { configDefaults, defineConfig } from "vitest/config";
import { longTests } from "./test/end-to-end/full/long-tests.js";

const results = process.env["TEST_RESULTS"];

export default defineConfig({
  // Examples and snippets import the package by its name.
  resolve: { tsconfigPaths: true },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/interop/**", "test/bench/**", "test/packaging/loaders/**", ...longTests],
    // Each file of its own would load the package and its dependencies anew, which took longer than the tests.
    isolate: false,
    // One more than CPUs: many tests wait for processes and sockets.
    maxWorkers: 3,
    // For what hangs: a busy machine may take many times as long as an idle one.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    setupFiles: ["test/testing/wait-limits.ts"],
    reporters: results === undefined ? ["default"] : ["default", ["json", { outputFile: results }]],
  },
});
