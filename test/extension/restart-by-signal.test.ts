import { describe, expect, test } from "vitest";
import { restartBySignal, type SignalledProcess } from "../../src/extension/restart-by-signal.js";
import { verifies } from "../conformance/verifies.js";

function fake(changes: Partial<SignalledProcess>) {
  const sent: unknown[] = [];
  const process: SignalledProcess = {
    platform: "linux",
    pid: 7,
    listenerCount: (event) => (event === "SIGHUP" ? 1 : 0),
    kill: (pid, signal) => void sent.push([pid, signal]),
    ...changes,
  };
  return { sent, restart: restartBySignal({ process }) };
}

describe("a restart by signal", () => {
  verifies("CMD-01", "sends SIGHUP to this process", async () => {
    const { sent, restart } = fake({});
    await restart();
    expect(sent).toEqual([[7, "SIGHUP"]]);
  });

  for (const [what, changes, text] of [
    ["on Windows", { platform: "win32" }, "restart: Windows has no SIGHUP to restart by"],
    [
      "while nothing listens",
      { listenerCount: () => 0 },
      "restart: nobody listens for SIGHUP, which would end the process",
    ],
  ] as const) {
    test(`is refused ${what}`, async () => {
      const { sent, restart } = fake(changes);
      await expect(restart()).rejects.toMatchObject({ code: "ERR_OPAMP_HANDLER", message: text });
      await expect(restart()).rejects.toMatchObject({ hint: expect.stringContaining("`restart` handler") });
      expect(sent).toEqual([]);
    });
  }

  test("reaches a listener in this process", async () => {
    const heard = new Promise((resolve) => process.once("SIGHUP", resolve));
    await restartBySignal()();
    expect(await heard).toBe("SIGHUP");
  });
});
