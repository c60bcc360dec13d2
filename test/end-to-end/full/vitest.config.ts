import { mergeConfig } from "vitest/config";
import base from "../../../vitest.config.js";
import { longTests } from "./long-tests.js";

// Everything: what `npm test` runs, over every transport and carrier, and what it leaves out.
const full = mergeConfig(base, { test: { env: { TEST_FULL: "true" } } });

export default {
  ...full,
  root: new URL("../../..", import.meta.url).pathname,
  test: { ...full.test, exclude: full.test.exclude.filter((path: string) => !longTests.includes(path)) },
};
