import { mergeConfig } from "vitest/config";
import base from "../../vitest.config.js";

// Real servers take their time, and share the machine with the Go build.
const interop = mergeConfig(base, { test: { testTimeout: 30_000, hookTimeout: 30_000 } });

export default {
  ...interop,
  root: new URL("../..", import.meta.url).pathname,
  test: { ...interop.test, globalSetup: "test/interop/build.ts", include: ["test/interop/**/*.test.ts"], exclude: [] },
};
