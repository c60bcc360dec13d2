import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { RemoteConfig, Verdict } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { running } from "../hosted.js";

const [_APPLIED, _APPLYING, _FAILED] = [1, 2, 3];

const textOf = ({ files }: RemoteConfig): string => new TextDecoder().decode(files["a"]?.body);

/** A client whose handler notes what it is called for. */
async function noting(validate: (config: RemoteConfig, signal: AbortSignal) => Verdict) {
  const calls: string[] = [];
  const host = await running({
    timeouts: { applyMs: 10_000 },
    effectiveConfig: () => ({
      a: { body: calls.findLast((call) => call.startsWith("apply"))?.slice("apply ".length) ?? "first" },
    }),
    remoteConfig: {
      validate: (config, { signal }) => {
        calls.push(`validate ${textOf(config)}`);
        return validate(config, signal);
      },
      apply: (config) => void calls.push(`apply ${textOf(config)}`),
    },
  });
  return { ...host, calls };
}

describe("a remote config handler with validate", () => {
  verifies("SEC-04", "rejects an offer, which fails with the message and is never applied", async () => {
    const { agent, clock, calls, errors } = await noting(async () => {
      await nextTurn();
      throw new Error("the file /etc/shadow is not for you to read");
    });
    agent.offerConfig({ a: "bad" });
    await clock.advance(0);
    expect(agent.remoteConfig?.status).toBe("failed");
    expect(agent.remoteConfig?.error).toBe("the file /etc/shadow is not for you to read");
    expect(calls).toEqual(["validate bad"]);
    expect(agent.effectiveFiles["a"]?.text()).toBe("first");
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
  });

  verifies("SEC-04", "lets an offer through, which is applied", async () => {
    const { agent, clock, calls } = await noting(() => undefined);
    agent.offerConfig({ a: "good" });
    await clock.advance(0);
    expect(agent.remoteConfig?.status).toBe("applied");
    expect(calls).toEqual(["validate good", "apply good"]);
  });

  test("has the server see APPLYING while it runs", async () => {
    const { agent, clock } = await noting(() => new Promise(() => undefined));
    agent.offerConfig({ a: "slow" });
    await clock.advance(0);
    expect(agent.remoteConfig?.status).toBe("applying");
  });

  test("shares the time limit of apply, and apply is not called once that has passed", async () => {
    let end: () => void = () => undefined;
    let aborted = false;
    const { agent, clock, calls, errors } = await noting((_, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    agent.offerConfig({ a: "slow" });
    await clock.advance(10_000);
    expect([agent.remoteConfig?.status, aborted]).toEqual(["failed", true]);
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    end();
    await clock.advance(0);
    expect(calls).toEqual(["validate slow"]);
    expect(agent.remoteConfig?.status).toBe("failed");
  });

  test("is aborted by a newer offer, and only that one is applied", async () => {
    const { agent, clock, calls } = await noting((config, signal) =>
      textOf(config) === "old"
        ? new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
        : undefined,
    );
    agent.offerConfig({ a: "old" });
    await clock.advance(0);
    agent.offerConfig({ a: "new" });
    await clock.advance(0);
    expect(calls).toEqual(["validate old", "validate new", "apply new"]);
    expect(agent.remoteConfig?.status).toBe("applied");
  });

  test.each([
    ["false", false],
    ["a promise of false", Promise.resolve(false)],
  ])("rejects an offer with %s, and says what to do instead", async (_, no) => {
    const { agent, clock, calls } = await noting(() => no);
    agent.offerConfig({ a: "bad" });
    await clock.advance(0);
    expect(agent.remoteConfig).toMatchObject({
      status: "failed",
      error: "returned false: throw an Error with the reason instead",
    });
    expect(calls).toEqual(["validate bad"]);
  });

  test("names the function that failed in the error", async () => {
    const { agent, client, clock } = await noting(() => {
      throw new Error("no");
    });
    const messages: string[] = [];
    client.on("error", ({ message }) => messages.push(message));
    agent.offerConfig({ a: "bad" });
    await clock.advance(0);
    expect(messages).toEqual(["remoteConfig.validate failed: no"]);
  });
});

test.each([
  ["false", false, "failed"],
  ["a promise of false", Promise.resolve(false), "failed"],
  ["true", true, "applied"],
  ["0", 0, "applied"],
] as const)("an offer counts by what apply returns: %s", async (_, returned, status) => {
  const apply = (): unknown => returned;
  const { agent, clock } = await running({ remoteConfig: { apply: apply as () => void } });
  agent.offerConfig({ a: "1" });
  await clock.advance(0);
  expect(agent.remoteConfig?.status).toBe(status);
});
