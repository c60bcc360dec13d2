import { waitDefaults } from "../../src/base/wait-options.js";

// For what hangs: a busy machine may take many times as long as an idle one.
waitDefaults.timeoutMs = 50_000;
waitDefaults.stopMs = 50_000;
