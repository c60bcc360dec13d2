import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect } from "vitest";
import { visible } from "../agent/config-directory/folder.js";
import { verifies } from "../conformance/verifies.js";
import { NOBODY, unprivileged } from "../end-to-end/unprivileged/unprivileged.js";
import { builtCommand } from "./agent-work.js";

const built = builtCommand();
describe.each(["ws", "http"] as const)("over %s, without rights on a read-only file system", (transport) => {
  verifies("SEC-02", "the agent applies, rolls back, restarts and remembers", async () => {
    const { server, work } = await built.begin(transport);
    const state = work.path("state");
    mkdirSync(state);
    const rights = "grep -E '^(Uid|CapEff)' /proc/self/status > \"$OPAMP_CONFIG_DIR/rights\"; touch /tmp/opamp-escaped";
    const command = `(${rights}); ! grep -q broken "$OPAMP_CONFIG_DIR/a.yaml"`;
    work.configure({ remote_config: { command, local_files: ["rights"] } });
    for (const path of [state, work.directory]) if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
    for (const path of [work.folder, dirname(built.killAt), dirname(dirname(built.killAt))]) chmodSync(path, 0o755);
    const within = unprivileged(state, work.directory);
    const first = work.start({ within });
    const seen = await Promise.race([
      server.firstAgent(),
      first.ended.then(() => Promise.reject(new Error(first.log))),
    ]);
    seen.offerConfig({ "a.yaml": "x: 1\n" });
    await seen.until((one) => one.hasApplied());
    const rightsOf = visible(work.directory)["rights"] ?? "";
    if (process.getuid?.() === 0) expect(rightsOf).toMatch(new RegExp(`^Uid:\\t${NOBODY}\\t${NOBODY}\\t`));
    expect(rightsOf).toMatch(/CapEff:\t0+\n/);
    const hash = seen.offerConfig({ "a.yaml": "broken\n" });
    await seen.until((one) => one.hasFailed(hash));
    expect(visible(work.directory)["a.yaml"]).toBe("x: 1\n");
    expect(await first.end()).toBe(0);
    const second = work.start({ within });
    await second.line(/Connected/);
    expect(server.agents).toHaveLength(1);
    expect(await second.end()).toBe(0);
    expect(readdirSync("/tmp")).not.toContain("opamp-escaped");
    expect(readdirSync(join(state))).toContain("state.json");
  });
});
