import fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  fileStore,
  OpAMPClient,
  type OpAMPClientOptions,
  type OpAMPError,
  type RemoteConfig,
} from "../../src/index.js";
import { memoryTransport, OpAMPServer } from "../../src/testing/index.js";
import { verifies } from "../conformance/verifies.js";
import { found, temporaryFolder } from "./store-fixture.js";

/** A server, and agents of it that are connected and in real time, since the disk is. */
async function home() {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  return async (options: Partial<OpAMPClientOptions>) => {
    const client = new OpAMPClient({
      transport: memoryTransport(server),
      description: { identifying: { "service.name": "stored" } },
      ...options,
    });
    onTestFinished(() => client.stop());
    const errors: OpAMPError[] = [];
    client.on("error", (error) => errors.push(error));
    client.start();
    await client.connected();
    return { client, errors, agent: server.agent(client.instanceUid) };
  };
}

describe("an agent with a file store", () => {
  verifies(["UID-03", "CFG-05", "HB-02"], "is the same after a restart, with all it knew", async () => {
    const [agentOf, directory] = [await home(), await temporaryFolder()];
    const store = fileStore(directory);
    const { agent, client } = await agentOf({ store, remoteConfig: { apply: () => undefined } });
    const hash = agent.offerConfig({ "agent.yaml": "a: 1" });
    await agent.until(() => agent.hasApplied(hash));
    const asked = new Promise((resolve) => client.once("heartbeatInterval", resolve));
    agent.send({ connectionSettings: { opamp: { heartbeatIntervalSeconds: 7n } } });
    await asked;
    await client.stop();

    const previous: (RemoteConfig | undefined)[] = [];
    const heard = agent.received.length;
    // The same store, and another one in the same place.
    for (const [index, again] of [store, fileStore(directory)].entries()) {
      const next = await agentOf({
        store: again,
        remoteConfig: { apply: (_, context) => void previous.push(context.previous) },
      });
      expect([next.client.instanceUid, next.errors]).toEqual([client.instanceUid, []]);
      const offered = agent.offerConfig({ "agent.yaml": `a: ${index + 2}` });
      await agent.until(() => agent.hasApplied(offered));
      await next.client.stop();
    }
    expect(agent.received[heard]?.remoteConfigStatus).toMatchObject({ lastRemoteConfigHash: hash, status: 1 });
    expect(previous.map((config) => config?.files["agent.yaml"]?.text())).toEqual(["a: 1", "a: 2"]);
    expect((await found(directory)).state?.heartbeatMs).toBe(7_000);
  });

  verifies(
    "UID-03",
    "whose store is in use by another runs without it, under a new uid, and reports that once",
    async () => {
      const [agentOf, directory] = [await home(), await temporaryFolder()];
      const shared = fileStore(directory);
      const first = await agentOf({ store: shared });
      for (const store of [fileStore(directory, { lockWaitMs: 0 }), shared]) {
        const second = await agentOf({ store, remoteConfig: { apply: () => undefined } });
        expect(second.client.instanceUid).not.toBe(first.client.instanceUid);
        const hash = second.agent.offerConfig({ a: "1" });
        await second.agent.until(() => second.agent.hasApplied(hash));
        await second.client.stop();
        expect(second.errors).toMatchObject([
          { code: "ERR_OPAMP_STORE", message: expect.stringContaining("is in use by"), retryable: false },
        ]);
      }
      await first.client.stop();
      expect(await found(directory)).toEqual({ state: { instanceUid: first.agent.uid }, reports: [] });
    },
  );

  verifies("UID-03", "whose state is damaged starts over, reports that, and keeps its new uid", async () => {
    const [agentOf, directory] = [await home(), await temporaryFolder()];
    await fs.writeFile(join(directory, "state.json"), "{");
    const first = await agentOf({ store: fileStore(directory) });
    expect(first.errors).toMatchObject([
      { code: "ERR_OPAMP_STORE", message: expect.stringContaining("set aside as state.json.corrupt") },
    ]);
    await first.client.stop();
    const second = await agentOf({ store: fileStore(directory) });
    expect([second.client.instanceUid, second.errors]).toEqual([first.client.instanceUid, []]);
  });

  test("whose directory cannot be created still works, and saves once it can be", async () => {
    const [agentOf, folder] = [await home(), await temporaryFolder()];
    await fs.writeFile(join(folder, "file"), "");
    const directory = join(folder, "file", "opamp");
    const { agent, client, errors } = await agentOf({ store: fileStore(directory) });
    await vi.waitFor(() => expect(errors).toHaveLength(2), { interval: 1 });
    await client.stop();
    // Not loaded, not saved at the start, and not at the end.
    expect(errors.map(({ message }) => /the store did not (\w+)/.exec(message)?.[1])).toEqual(["load", "save", "save"]);
    expect(agent.reported.description).toBeDefined();

    const next = await agentOf({ store: fileStore(directory) });
    await fs.unlink(join(folder, "file"));
    await next.client.stop();
    expect((await found(directory)).state).toEqual({ instanceUid: next.agent.uid });
  });
});
