import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { fileStore, OpAMPError, type PhaseEvent, type Store, type StoredState } from "../../../src/index.js";
import { hosted } from "../hosted.js";

const REFUSAL = new OpAMPError("ERR_OPAMP_STORE", "the row is of a later version", {
  hint: "update the program",
  retryable: false,
  foreignStore: true,
});

/** A host's own store that refuses, at once or later, and what else it is asked for. */
function refusing(when: "at once" | "later") {
  const calls: string[] = [];
  const store: Store = {
    load(): Promise<StoredState> {
      if (when === "later") return Promise.reject(REFUSAL);
      throw REFUSAL;
    },
    save: () => void calls.push("save"),
    close: () => void calls.push("close"),
  };
  return { store, calls };
}

/** A client with that store that has been started, and what it said. */
async function started(options: Parameters<typeof hosted>[0]) {
  const lines: string[] = [];
  const note = (level: string) => (text: string) => void lines.push(`${level}: ${text}`);
  const logger = { debug: () => {}, info: note("info"), warn: note("warn"), error: note("error") };
  const host = await hosted({ logger, ...options });
  const [phases, failures]: [PhaseEvent[], OpAMPError[]] = [[], []];
  host.client.on("phase", (event) => phases.push(event)).on("error", (error) => failures.push(error));
  const uid = host.client.instanceUid;
  const connected = host.client.connected();
  connected.catch(() => undefined);
  host.client.start();
  return { ...host, lines, phases, failures, uid, connected };
}

describe.each(["at once", "later"] as const)("a client whose store says %s that it is not for this version", (when) => {
  test("stops before anything is sent, and says why in an event and a log line", async () => {
    const { store, calls } = refusing(when);
    const { client, clock, server, phases, failures, lines, connected } = await started({ store });
    await clock.advance(600_000);
    expect(client.phase).toBe("stopped");
    const error = {
      code: "ERR_OPAMP_STORE",
      retryable: false,
      foreignStore: true,
      message: "the store did not load: the row is of a later version",
      hint: expect.stringMatching(/^update the program; with onForeignStore: "newIdentity" /),
      cause: REFUSAL,
    };
    expect(failures).toMatchObject([error]);
    expect(phases).toMatchObject([{ phase: "stopped", previous: "idle", reason: "stopping", error }]);
    expect(lines).toEqual([
      expect.stringMatching(/^error: the store did not load: the row is of a later version \(update the program; with/),
      "info: Client stopped.",
    ]);
    const stopped = { code: "ERR_OPAMP_STOPPED", message: expect.stringContaining("of a later version"), cause: error };
    await expect(connected).rejects.toMatchObject(stopped);
    await expect(client.connected()).rejects.toMatchObject(stopped);
    expect([server.agents.size, server.connections.total, calls]).toEqual([0, 0, []]);
  });

  test("accepts further calls without effect until it is stopped", async () => {
    const { client, clock, server, escaped, failures } = await started({ store: refusing(when).store });
    const before = client.customCapability("com.example.before");
    const early = before.send("a", new Uint8Array()).catch((thrown: unknown) => thrown);
    await clock.advance(0);
    client.setHealth({ healthy: true });
    client.setDescription({ identifying: { "service.name": "other" } });
    client.reconnect();
    client.start();
    const after = client.customCapability("com.example.after");
    const stopped = { code: "ERR_OPAMP_STOPPED" };
    expect(await early).toMatchObject(stopped);
    await expect(after.send("a", new Uint8Array())).rejects.toMatchObject(stopped);
    const stopping = client.stop();
    await clock.advance(60_000);
    await stopping;
    expect(() => client.setHealth({ healthy: true })).toThrow(expect.objectContaining(stopped));
    expect([server.connections.total, escaped, failures.length]).toEqual([0, [], 1]);
  });

  test("continues under a new identity if configured so, and does not use the store again", async () => {
    const { store, calls } = refusing(when);
    const { client, clock, server, failures, lines, uid } = await started({ store, onForeignStore: "newIdentity" });
    await clock.advance(0);
    expect([client.phase, client.instanceUid]).toEqual(["online", uid]);
    expect([...server.agents.keys()]).toEqual([uid]);
    const message = "going on without the store, as another agent: the row is of a later version";
    expect(failures).toMatchObject([{ code: "ERR_OPAMP_STORE", message, hint: "update the program" }]);
    expect(lines[0]).toBe(`warn: ${message} (update the program) (ERR_OPAMP_STORE)`);
    const stopping = client.stop();
    await clock.advance(60_000);
    await stopping;
    expect(calls).toEqual([]);
  });
});

describe.each([
  ["a later version", '{"format":"opamp-client","version":2,"instanceUid":"x"}\n', /is of a later version/],
  ["another program", '{"sessions": []}', /is not a state of opamp-client/],
])("a client whose directory holds the state of %s", (_, content, why) => {
  function directoryWithState(): string {
    const directory = mkdtempSync(join(tmpdir(), "opamp-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, "state.json"), content);
    return directory;
  }

  function expectUntouched(directory: string): void {
    expect(readdirSync(directory)).toEqual(["state.json"]);
    expect(readFileSync(join(directory, "state.json"), "utf8")).toBe(content);
  }

  test("stops and leaves the state untouched", async () => {
    const directory = directoryWithState();
    const { client, server, failures, lines } = await started({ store: fileStore(directory) });
    await vi.waitFor(() => expect(client.phase).toBe("stopped"));
    expect(failures).toMatchObject([{ code: "ERR_OPAMP_STORE", message: expect.stringMatching(why) }]);
    expect(lines[0]).toContain(join(directory, "state.json"));
    expect(server.connections.total).toBe(0);
    expectUntouched(directory);
  });

  test("leaves the state untouched when it continues under a new identity", async () => {
    const directory = directoryWithState();
    const store = fileStore(directory);
    const { client, clock, server, uid } = await started({ store, onForeignStore: "newIdentity" });
    await vi.waitFor(async () => {
      await clock.advance(0);
      expect(client.phase).toBe("online");
    });
    expect([...server.agents.keys()]).toEqual([uid]);
    const stopping = client.stop();
    await clock.advance(60_000);
    await stopping;
    expectUntouched(directory);
  });
});
