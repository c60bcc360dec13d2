import { mergeConfig } from "vitest/config";
import base from "../../../vitest.config.js";

// Kills processes at every point where they can be killed; `npm test` does so at some.
const crash = mergeConfig(base, { test: { env: { CRASH_POINTS: "all" } } });

export default {
  ...crash,
  root: new URL("../../..", import.meta.url).pathname,
  test: {
    ...crash.test,
    exclude: [],
    include: [
      "test/agent/config-directory/config-crash.test.ts",
      "test/cli/agent-crash.test.ts",
      "test/end-to-end/crash/settings-crash.test.ts",
      "test/store/crash-points.test.ts",
    ],
  },
};
