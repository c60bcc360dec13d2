import { describe, expect } from "vitest";
import type { RemoteConfig } from "../../../src/index.js";
import type { ServerAgent } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { controlledHandler } from "./controlled-handler.js";
import { bytes, collect, meet, next, offerOf } from "./meeting.js";
import { transports } from "./transports.js";

const ODD_HASH = Uint8Array.of(0, 255, 0, 128, 10, 13, 0);

/** The statuses as they came, without repetitions of the same report. */
function statusesOf({ received }: ServerAgent): string[] {
  return received.flatMap(({ remoteConfigStatus: status }) => {
    if (status === undefined) return [];
    const hash = Buffer.from(status.lastRemoteConfigHash).toString();
    return [`${hash} ${["UNSET", "APPLIED", "APPLYING", "FAILED"][status.status]} ${status.errorMessage}`.trim()];
  });
}

describe.each(transports)("over $name", (transport) => {
  verifies(["CFG-01", "CFG-04", "CFG-06"], "a slow handler leads to APPLYING, then APPLIED", async () => {
    const handler = controlledHandler();
    const { agent, client } = await meet(transport, { client: { remoteConfig: handler } });
    const events = collect(client, "offer");
    const hash = agent.offerConfig({ "a.yaml": { body: "k: v", contentType: "text/yaml" } });
    await agent.until(({ remoteConfig }) => remoteConfig?.status === "applying");
    const { config, context, resolve } = await handler.run(0);
    expect(config.hash).toEqual(hash);
    expect(config.files["a.yaml"]?.text()).toBe("k: v");
    expect(context.previous).toBeUndefined();
    resolve();
    await agent.until(() => agent.hasApplied(hash));
    expect(agent.received.flatMap(({ remoteConfigStatus }) => remoteConfigStatus?.status ?? [])).toEqual([0, 2, 1]);
    expect(agent.remoteConfig).toMatchObject({ hash: hash, error: "" });
    expect(events.map(({ status }) => status)).toEqual(["applying", "applied"]);
    expect(handler.runs.length).toBe(1);
  });

  verifies(["CFG-05", "CFG-06"], "a handler that throws is FAILED with its text, at once or later", async () => {
    let isAsync = false;
    const { agent, client } = await meet(transport, {
      client: {
        remoteConfig: {
          apply() {
            if (isAsync)
              return new Promise((_, reject) => setImmediate(() => reject(new Error("later: no such port"))));
            throw new Error("at once: no such key");
          },
        },
      },
    });
    const offers = collect(client, "offer");
    agent.send(offerOf("h1", { a: "1" }));
    await agent.until(({ remoteConfig }) => remoteConfig?.status === "failed");
    const offered = { kind: "remoteConfig", hash: bytes("h1") };
    expect(offers).toEqual([
      { ...offered, status: "applying" },
      { ...offered, status: "failed", error: "at once: no such key" },
    ]);
    isAsync = true;
    agent.send(offerOf("h2", { a: "2" }));
    await agent.until(({ remoteConfig }) => remoteConfig?.error === "later: no such port");
    const settled = statusesOf(agent).filter((status) => !status.includes("APPLYING"));
    expect(settled).toEqual(["UNSET", "h1 FAILED at once: no such key", "h2 FAILED later: no such port"]);
  });

  verifies("CFG-06", "a handler that does not end in time is FAILED, aborted, and not waited for", async () => {
    const handler = controlledHandler();
    const { agent } = await meet(transport, { client: { remoteConfig: handler, timeouts: { applyMs: 5 } } });
    agent.send(offerOf("h1", { a: "1" }));
    await agent.until(({ remoteConfig }) => remoteConfig?.status === "failed");
    const first = await handler.run(0);
    expect(agent.remoteConfig?.error).toMatch(/within 5 ms/);
    expect(first.context.signal.aborted).toBe(true);
    agent.send(offerOf("h2", { a: "2" }));
    const second = await handler.run(1);
    second.resolve();
    await agent.until(() => agent.hasApplied(bytes("h2")));
    first.resolve();
    agent.send(offerOf("h3", { a: "3" }));
    const third = await handler.run(2);
    third.resolve();
    await agent.until(() => agent.hasApplied(bytes("h3")));
    expect(statusesOf(agent).filter((status) => status.endsWith("APPLIED"))).toEqual(["h2 APPLIED", "h3 APPLIED"]);
    expect(second.context.previous).toBeUndefined();
    expect(third.context.previous?.hash).toEqual(second.config.hash);
  });

  verifies(
    ["CFG-06", "MSG-01"],
    "the newest offer aborts the running handler, and offers in between never run",
    async () => {
      const handler = controlledHandler();
      const { agent } = await meet(transport, { client: { remoteConfig: handler } });
      agent.send(offerOf("h1", { a: "1" }));
      const first = await handler.run(0);
      await agent.until(({ remoteConfig }) => remoteConfig?.status === "applying");
      agent.send(offerOf("h2", { a: "2" }));
      await agent.until(({ remoteConfig }) => Buffer.from(remoteConfig?.hash ?? []).equals(bytes("h2")));
      agent.send(offerOf("h3", { a: "3" }));
      await agent.until(({ remoteConfig }) => Buffer.from(remoteConfig?.hash ?? []).equals(bytes("h3")));
      expect(first.context.signal.aborted).toBe(true);
      expect(handler.runs.length).toBe(1);
      first.reject(first.context.signal.reason);
      const third = await handler.run(1);
      expect(Buffer.from(third.config.hash).toString()).toBe("h3");
      expect(third.context.signal.aborted).toBe(false);
      third.resolve();
      await agent.until(() => agent.hasApplied(bytes("h3")));
      expect(handler.runs.length).toBe(2);
      expect(statusesOf(agent)).toEqual(["UNSET", "h1 APPLYING", "h2 APPLYING", "h3 APPLYING", "h3 APPLIED"]);
    },
  );

  verifies("CFG-06", "a handler that ignores its signal delays the next one only up to a limit", async () => {
    const handler = controlledHandler();
    const { agent } = await meet(transport, { client: { remoteConfig: handler, timeouts: { abortMs: 5 } } });
    agent.send(offerOf("h1", { a: "1" }));
    const first = await handler.run(0);
    agent.send(offerOf("h2", { a: "2" }));
    const second = await handler.run(1);
    first.resolve();
    second.resolve();
    await agent.until(() => agent.hasApplied(bytes("h2")));
    expect(statusesOf(agent)).not.toContain("h1 APPLIED");
  });

  verifies(["CFG-04", "CFG-05", "CFG-01"], "the same hash is not applied again, whatever its outcome", async () => {
    const applied: string[] = [];
    const { agent, client } = await meet(transport, {
      client: {
        remoteConfig: {
          apply({ hash }) {
            applied.push(Buffer.from(hash).toString());
            if (applied.length === 2) throw new Error("declined");
          },
        },
      },
    });
    agent.send(offerOf("h1", { a: "1" }));
    await agent.until(() => agent.hasApplied(bytes("h1")));
    agent.send(offerOf("h1", { a: "1" }));
    agent.send(offerOf("h2", { a: "2" }));
    await agent.until(({ remoteConfig }) => remoteConfig?.status === "failed");
    agent.send(offerOf("h2", { a: "2" }));
    agent.requestFullState();
    await agent.until(({ received }) => received.filter(({ agentDescription }) => agentDescription).length === 2);
    expect(applied).toEqual(["h1", "h2"]);
    expect(statusesOf(agent).at(-1)).toBe("h2 FAILED declined");

    client.retryRemoteConfig();
    await agent.until(() => agent.hasApplied(bytes("h2")));
    expect(applied).toEqual(["h1", "h2", "h2"]);
  });

  verifies("CFG-05", "the hash is returned byte for byte, with APPLIED and with FAILED", async () => {
    let fails = false;
    const { agent } = await meet(transport, {
      client: {
        remoteConfig: {
          apply() {
            if (fails) throw new Error("no");
          },
        },
      },
    });
    agent.offerConfig({ a: "1" }, { hash: ODD_HASH });
    await agent.until(() => agent.hasApplied());
    expect(agent.remoteConfig?.hash).toEqual(ODD_HASH);
    fails = true;
    const other = Uint8Array.of(255, 0);
    agent.offerConfig({ a: "2" }, { hash: other });
    await agent.until(({ remoteConfig }) => remoteConfig?.status === "failed");
    expect(agent.remoteConfig?.hash).toEqual(other);
  });

  verifies(["CFG-07", "CFG-08"], "names, bodies and types arrive as they are, the unnamed file included", async () => {
    const seen: RemoteConfig[] = [];
    const { agent } = await meet(transport, {
      client: { remoteConfig: { apply: (config) => void seen.push(config) } },
    });
    const body = Uint8Array.from({ length: 256 }, (_, index) => index);
    agent.offerConfig({ "": { body, contentType: "text/yaml" } });
    await agent.until(() => agent.hasApplied());
    const entries = [
      ["__proto__", "p"],
      ["a", "1"],
      ["b/ä", ""],
    ] as const;
    agent.offerConfig(Object.fromEntries(entries));
    await agent.until(() => agent.hasApplied());
    const [unnamed, several] = seen;
    expect(Object.keys(unnamed?.files ?? {})).toEqual([""]);
    expect(unnamed?.files[""]).toMatchObject({ body, contentType: "text/yaml" });
    const files = Object.entries(several?.files ?? {}).map(([name, file]) => [name, file.text()]);
    expect(files.sort()).toEqual(entries);
    expect(several?.files["a"]?.contentType).toBe("");
  });

  verifies(["CFG-07", "CFG-09"], "an empty collection is an offer like any other", async () => {
    const seen: boolean[] = [];
    const { agent } = await meet(transport, {
      client: { remoteConfig: { apply: ({ isEmpty }) => void seen.push(isEmpty) } },
    });
    agent.offerConfig({});
    await agent.until(() => agent.hasApplied());
    expect(seen).toEqual([true]);
  });

  verifies("CFG-09", "a hash without a configuration is not applied, known or not", async () => {
    const applied: string[] = [];
    const { agent, client } = await meet(transport, {
      client: { remoteConfig: { apply: ({ hash }) => void applied.push(Buffer.from(hash).toString()) } },
    });
    agent.send(offerOf("h1", { a: "1" }));
    await agent.until(() => agent.hasApplied(bytes("h1")));
    agent.send({ remoteConfig: { configHash: bytes("h1") } });
    agent.send({ remoteConfig: { configHash: bytes("unknown") } });
    agent.send({ remoteConfig: {} });
    agent.requestFullState();
    await agent.until(({ received }) => received.filter(({ agentDescription }) => agentDescription).length === 2);
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(applied).toEqual(["h1"]);
    expect(statusesOf(agent).at(-1)).toBe("h1 APPLIED");
  });

  verifies("CFG-06", "a handler is given the configuration that it applied before", async () => {
    const previous: (string | undefined)[] = [];
    let fails = false;
    const { agent, client } = await meet(transport, {
      client: {
        remoteConfig: {
          apply(config, context) {
            previous.push(context.previous && Buffer.from(context.previous.hash).toString());
            if (fails) throw new Error(`no to ${config.hash.length} bytes`);
          },
        },
      },
    });
    for (const hash of ["h1", "h2", "h3", "h4"]) {
      fails = hash === "h2";
      const settled = new Promise<void>((resolve) => {
        client.on("offer", ({ status }) => {
          if (status !== "applying") resolve();
        });
      });
      agent.send(offerOf(hash, { a: hash }));
      await settled;
    }
    expect(previous).toEqual([undefined, "h1", "h1", "h3"]);
  });

  verifies("STATUS-04", "a status that could not be delivered is delivered after the reconnect", async () => {
    const handler = controlledHandler();
    const { agent, client, server, outage } = await meet(transport, { client: { remoteConfig: handler } });
    agent.send(offerOf("h1", { a: "1" }));
    const { resolve } = await handler.run(0);
    await agent.until(({ remoteConfig }) => remoteConfig?.status === "applying");
    outage(true);
    const away = next(client, "phase");
    server.drop();
    await away;
    resolve();
    outage(false);
    await agent.until(() => agent.hasApplied(bytes("h1")));
    expect(handler.runs.length).toBe(1);
  });
});
