import { describe, expect, test } from "vitest";
import type { WarningEvent } from "../../../src/client/events.js";
import { memoryStore, type OpAMPClientOptions, type RemoteConfig } from "../../../src/index.js";
import type { ServerAgent } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { ended, running } from "../hosted.js";

const UID = "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10";

/** Offers one file as a server does that never sets `config_hash`. */
function offer(agent: ServerAgent, text: string, contentType = "text/yaml"): void {
  const body = new TextEncoder().encode(text);
  agent.send({ remoteConfig: { config: { configMap: { "agent.yaml": { body, contentType } } } } });
}

/** An agent that notes what its handler is given, warnings and log lines; texts with "bad" in them fail. */
async function applying(options: Partial<OpAMPClientOptions> = {}) {
  const given: string[] = [];
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const host = await running({
    instanceUid: UID,
    logger: { debug: () => undefined, info: note, warn: note, error: note },
    remoteConfig: {
      apply({ files, hash }: RemoteConfig) {
        expect(hash).toHaveLength(0);
        const text = files["agent.yaml"]?.text() ?? "";
        given.push(text);
        if (text.includes("bad")) throw new Error("it is bad");
      },
    },
    ...options,
  });
  const warnings: WarningEvent[] = [];
  host.client.on("warning", (event) => warnings.push(event));
  const take = async (text: string, contentType?: string) => {
    offer(host.agent, text, contentType);
    await host.clock.advance(0);
  };
  return { ...host, given, lines, warnings, take };
}

describe("a config offered without a hash", () => {
  verifies(
    "CFG-05",
    "is applied once for each content, however often it comes, and reported with no hash",
    async () => {
      const { agent, given, take } = await applying();
      for (const text of ["a: 1", "a: 1", "a: 2", "a: 2", "a: 1", "a: 1"]) await take(text);
      expect(given).toEqual(["a: 1", "a: 2", "a: 1"]);
      expect(agent.remoteConfig).toMatchObject({ hash: new Uint8Array(), status: "applied" });
      await take("a: 1", "application/yaml");
      expect(given).toHaveLength(4);
    },
  );

  test("that failed is not given again, and another one is", async () => {
    const { given, agent, take } = await applying();
    for (const text of ["bad: 1", "bad: 1", "a: 2"]) await take(text);
    expect(given).toEqual(["bad: 1", "a: 2"]);
    expect(agent.remoteConfig).toMatchObject({ status: "applied" });
  });

  test("is told of once, as a warning and as a log line that says what to do", async () => {
    const { warnings, lines, take } = await applying();
    for (const text of ["a: 1", "a: 2"]) await take(text);
    expect(warnings).toMatchObject([
      { code: "offer-without-hash", message: expect.stringContaining("remote config without a hash") },
    ]);
    expect(lines.filter((line) => line.includes("config_hash"))).toHaveLength(1);
    expect(lines).toContain("Remote config without a hash applied");
  });

  test("has no effect where it has no content either", async () => {
    const { agent, clock, given, warnings } = await applying();
    agent.send({ remoteConfig: {} });
    await clock.advance(0);
    expect([given, warnings]).toEqual([[], []]);
  });

  test("is known after a restart with a store, whatever became of it", async () => {
    const store = memoryStore();
    for (const text of ["a: 1", "bad: 2"]) {
      const before = await applying({ store });
      await before.client.connected();
      await before.take(text);
      await ended(before.client, before.clock);
      const { client, clock, given, take } = await applying({ store });
      await client.connected();
      await take(text);
      expect([before.given, given]).toEqual([[text], []]);
      await take("a: 3");
      expect(given).toEqual(["a: 3"]);
      await ended(client, clock);
    }
  });

  test("is known after a restart by the last good config of a store that has nothing else to tell it by", async () => {
    const file = { body: new TextEncoder().encode("a: 1"), contentType: "text/yaml" };
    const none = new Uint8Array();
    const store = memoryStore({
      remoteConfig: { hash: none, status: "applied", error: "" },
      lastGoodConfig: { hash: none, files: { "agent.yaml": file } },
    });
    const { given, take } = await applying({ store });
    await take("a: 1");
    expect(given).toEqual([]);
  });
});
