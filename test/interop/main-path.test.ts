import { describe, expect } from "vitest";
import { memoryStore, type RemoteConfig } from "../../src/index.js";
import { verifies } from "../conformance/verifies.js";
import {
  APPLIED,
  APPLYING,
  configHost,
  effectiveText,
  expectNoGap,
  FAILED,
  isBare,
  mark,
  messages,
  offer,
  received,
  startAgent,
  startServer,
  tell,
  transports,
  untilMessage,
  untilStatus,
} from "./fixture.js";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, value) => value);

describe.each(transports)("connect, report, apply, acknowledge with the reference server over %s", (transport) => {
  verifies(
    ["TRANS-01", "STATUS-01", "STATUS-02", "UID-01", "UID-02", "CAP-01", "WS-07", "HTTP-06"],
    "the first report is complete and arrives before anything else",
    async () => {
      const server = await startServer();
      const { client, errors } = startAgent(server, transport, {
        description: {
          identifying: { "service.name": "agent", "service.version": "1.0" },
          nonIdentifying: { "host.name": "h", cores: 4n, tags: ["a", "b"] },
        },
        health: { healthy: true, status: "StatusOK", components: { pipeline: { healthy: true } } },
        ...configHost().handlers,
        restart: () => undefined,
      });
      client.customCapability("com.example.a");
      await client.connected({ timeoutMs: 5_000 });
      const [first] = await received(server);
      expect(server.events.map(({ event }) => event).slice(0, 4)).toEqual([
        "listening",
        "connecting",
        "connected",
        "message",
      ]);
      const connecting = await server.until("connecting");
      expect(connecting).toMatchObject({ transport, method: transport === "ws" ? "GET" : "POST", path: "/v1/opamp" });
      expect(connecting.headers["Content-Type"]).toBe(transport === "ws" ? undefined : "application/x-protobuf");
      expect(first?.uid).toBe(client.instanceUid.replaceAll("-", ""));
      expect(client.instanceUid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(first?.message).toMatchObject({
        sequenceNum: 1n,
        capabilities: 0x3c07n,
        agentDescription: {
          identifyingAttributes: [
            { key: "service.name", value: { value: { case: "stringValue", value: "agent" } } },
            { key: "service.version", value: { value: { case: "stringValue", value: "1.0" } } },
          ],
          nonIdentifyingAttributes: [
            { key: "cores", value: { value: { case: "intValue", value: 4n } } },
            { key: "host.name" },
            { key: "tags", value: { value: { case: "arrayValue" } } },
          ],
        },
        health: { healthy: true, status: "StatusOK", componentHealthMap: { pipeline: { healthy: true } } },
        customCapabilities: { capabilities: ["com.example.a"] },
      });
      expect(effectiveText(first?.message)).toBe("initial: true");
      expect(client.serverCapabilityMask).toBe(0x7fn);
      expect(errors).toEqual([]);
    },
  );

  verifies(
    ["CFG-03", "CFG-04", "CFG-05", "CFG-06", "WS-06", "HTTP-02"],
    "an offer is APPLYING while its handler runs, then APPLIED together with the new effective config",
    async () => {
      const server = await startServer();
      const { handlers, applied, hold } = configHost();
      const { client, statuses } = startAgent(server, transport, handlers);
      await client.connected({ timeoutMs: 5_000 });
      const release = hold();
      await tell(server, transport, offer("h1", { "a.yaml": "a: 1" }));
      const applying = await untilStatus(server, APPLYING, "h1");
      expect(applying.effectiveConfig).toBeUndefined();
      expect(applying.remoteConfigStatus?.errorMessage).toBe("");
      release();
      const done = await untilStatus(server, APPLIED, "h1");
      expect(effectiveText(done)).toBe("a: 1");
      expect(done.remoteConfigStatus?.errorMessage).toBe("");
      expect(applied.map(({ files }) => files["a.yaml"]?.text())).toEqual(["a: 1"]);
      expect(statuses.map(({ status }) => status)).toEqual(["applying", "applied"]);
      expectNoGap(server);
    },
  );

  verifies(
    ["CFG-03", "CFG-06", "STATUS-05"],
    "an offer that cannot be applied is FAILED with the reason, and the old config stays in effect",
    async () => {
      const server = await startServer();
      const { handlers, applied } = configHost();
      const { client, errors } = startAgent(server, transport, handlers);
      await client.connected({ timeoutMs: 5_000 });
      await tell(server, transport, offer("h1", { "a.yaml": "broken" }));
      const failed = await untilStatus(server, FAILED, "h1");
      expect(failed.remoteConfigStatus?.errorMessage).toBe("a.yaml: line 1: broken");
      expect(failed.effectiveConfig).toBeUndefined();
      const since = await mark(server);
      await tell(server, transport, { flags: 1n });
      const full = await untilMessage(server, ({ agentDescription }) => agentDescription !== undefined, since);
      expect(effectiveText(full)).toBe("initial: true");
      expect(full.remoteConfigStatus?.status).toBe(FAILED);
      expect(errors.map(({ code }) => code)).toEqual(["ERR_OPAMP_HANDLER"]);
      await tell(server, transport, offer("h2", { "a.yaml": "a: 2" }));
      expect(effectiveText(await untilStatus(server, APPLIED, "h2"))).toBe("a: 2");
      expect(applied).toHaveLength(2);
      expectNoGap(server);
    },
  );

  verifies(["CFG-05", "CFG-07", "CFG-08"], "hash, names and bodies survive the round trip unchanged", async () => {
    const server = await startServer();
    const { handlers, applied } = configHost();
    const { client } = startAgent(server, transport, handlers);
    await client.connected({ timeoutMs: 5_000 });
    await tell(server, transport, offer(EVERY_BYTE, { "": EVERY_BYTE, "ünï/../x": "", constructor: "c" }));
    const { effectiveConfig } = await untilStatus(server, APPLIED, EVERY_BYTE);
    expect(applied[0]?.files[""]).toMatchObject({ body: EVERY_BYTE, contentType: "text/yaml" });
    const reported = effectiveConfig?.configMap?.configMap ?? {};
    expect(Object.keys(reported).sort()).toEqual(["", "constructor", "ünï/../x"]);
    expect(Buffer.from(EVERY_BYTE).equals(reported[""]?.body ?? new Uint8Array())).toBe(true);
    expect(reported[""]?.contentType).toBe("text/yaml");
  });

  verifies(
    ["MSG-01", "MSG-02", "CFG-04"],
    "the same offer with every answer is applied once and reported once",
    async () => {
      const server = await startServer();
      const { handlers, applied } = configHost();
      await server.reply(offer("h1", { "a.yaml": "a: 1" }), { times: 0 });
      const { client } = startAgent(server, transport, { ...handlers, heartbeat: { intervalMs: 10 } });
      await client.connected({ timeoutMs: 5_000 });
      await untilStatus(server, APPLIED, "h1");
      const since = await mark(server);
      await server.until("message", ({ message }) => message.sequenceNum >= 10n, { since });
      expect(messages(server, since).filter(({ message }) => !isBare(message))).toEqual([]);
      expect(applied).toHaveLength(1);
      expectNoGap(server);
    },
  );

  verifies(["MSG-01", "CFG-05"], "a newer offer takes the place of one that is still being applied", async () => {
    const server = await startServer();
    const { handlers, hold } = configHost();
    const signals: AbortSignal[] = [];
    const { client } = startAgent(server, transport, {
      ...handlers,
      remoteConfig: {
        apply(config: RemoteConfig, { signal }) {
          signals.push(signal);
          return handlers.remoteConfig.apply(config);
        },
      },
    });
    await client.connected({ timeoutMs: 5_000 });
    const release = hold();
    await tell(server, transport, offer("h1", { "a.yaml": "a: 1" }));
    await untilStatus(server, APPLYING, "h1");
    await tell(server, transport, offer("h2", { "a.yaml": "a: 2" }));
    await untilStatus(server, APPLYING, "h2");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    release();
    const done = await untilStatus(server, APPLIED, "h2");
    expect(effectiveText(done)).toBe("a: 2");
    const ends = messages(server).filter(({ message }) => {
      const status = message.remoteConfigStatus?.status;
      return status === APPLIED || status === FAILED;
    });
    expect(ends).toHaveLength(1);
    expectNoGap(server);
  });

  verifies(
    ["UID-03", "STATUS-02", "CFG-05"],
    "a restarted agent keeps its identity and reports which config it has",
    async () => {
      const server = await startServer();
      const store = memoryStore();
      const { handlers, applied } = configHost();
      const { client } = startAgent(server, transport, { ...handlers, store });
      await client.connected({ timeoutMs: 5_000 });
      await tell(server, transport, offer("h1", { "a.yaml": "a: 1" }));
      await untilStatus(server, APPLIED, "h1");
      await client.stop();
      const since = await mark(server);
      await server.reply(offer("h1", { "a.yaml": "a: 1" }));
      const { client: next } = startAgent(server, transport, { ...handlers, store });
      await next.connected({ timeoutMs: 5_000 });
      const [first] = await received(server, since);
      expect(next.instanceUid).toBe(client.instanceUid);
      expect(first?.message).toMatchObject({ sequenceNum: 1n, remoteConfigStatus: { status: APPLIED } });
      expect(effectiveText(first?.message)).toBe("a: 1");
      await next.stop();
      expect(applied).toHaveLength(1);
    },
  );

  verifies(
    ["SEQ-01", "STATUS-04", "STATUS-06", "CUSTOM-07"],
    "a mixed load of messages arrives whole, with consecutive numbers",
    async () => {
      const server = await startServer("-custom", "com.example.a");
      const { handlers } = configHost();
      const { client } = startAgent(server, transport, { ...handlers, health: { healthy: true } });
      const channel = client.customCapability("com.example.a");
      await client.connected({ timeoutMs: 5_000 });
      for (let round = 1; round <= 25; round++) {
        const since = await mark(server);
        const sent = [channel.send("first", `${round}`), channel.send("second", `${round}`)];
        client.setHealth({ healthy: round % 2 === 0, status: `round ${round}` });
        client.setDescription({ identifying: { "service.name": "agent", round }, nonIdentifying: { kept: true } });
        await tell(server, transport, offer(`h${round}`, { "a.yaml": `round: ${round}` }));
        await Promise.all(sent);
        expect(effectiveText(await untilStatus(server, APPLIED, `h${round}`))).toBe(`round: ${round}`);
        const sofar = (await received(server, since)).map(({ message }) => message);
        const customs = sofar.flatMap(({ customMessage }) => customMessage ?? []);
        expect(customs.map(({ type }) => type)).toEqual(["first", "second"]);
        const described = sofar.flatMap(({ agentDescription }) => agentDescription ?? []);
        expect(described).toHaveLength(1);
        expect(described[0]?.identifyingAttributes).toHaveLength(2);
        expect(described[0]?.nonIdentifyingAttributes).toHaveLength(1);
      }
      await client.stop();
      const all = await received(server);
      expect(all.length).toBeGreaterThan(50);
      expect(all.at(-1)?.message.agentDisconnect).toBeDefined();
      expectNoGap(server);
    },
  );
});
