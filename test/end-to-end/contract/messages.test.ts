import { describe, expect } from "vitest";
import { ServerErrorResponseType } from "../../../src/proto/index.js";
import type { ServerAgent } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { collect, meet, next, offerOf, partsOf } from "./meeting.js";
import { transports } from "./transports.js";

const {
  ServerErrorResponseType_BadRequest: BAD_REQUEST,
  ServerErrorResponseType_Unknown: UNKNOWN,
  ServerErrorResponseType_Unavailable: UNAVAILABLE,
} = ServerErrorResponseType;

/** The first report of an agent that takes remote configs. */
const FIRST = ["agentDescription", "remoteConfigStatus"];

const reportsOf = ({ received }: ServerAgent) => received.map(partsOf).filter((parts) => parts.length > 0);

describe.each(transports)("over $name", (transport) => {
  verifies(["MSG-01", "CFG-04"], "the same offer in every answer is applied once, a new one at once", async () => {
    let offer = offerOf("h1", { a: "1" });
    const applied: string[] = [];
    const { agent, client } = await meet(transport, {
      client: { remoteConfig: { apply: ({ hash }) => void applied.push(Buffer.from(hash).toString()) } },
      server: { onMessage: () => offer },
    });
    await agent.until(() => agent.hasApplied(Buffer.from("h1")));
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(reportsOf(agent)).toEqual([FIRST, ["remoteConfigStatus"], ["health"]]);
    offer = offerOf("h2", { a: "2" });
    client.setHealth({ healthy: false });
    await agent.until(() => agent.hasApplied(Buffer.from("h2")));
    expect(applied).toEqual(["h1", "h2"]);
  });

  verifies("MSG-01", "one message with several fields has each of them handled", async () => {
    const { agent, client } = await meet(transport, { client: { remoteConfig: { apply: () => undefined } } });
    const channel = client.customCapability("com.example.a");
    const heartbeat = next(client, "heartbeatInterval");
    agent.send({
      ...offerOf("h1", { a: "1" }),
      flags: 1n,
      customCapabilities: { capabilities: ["com.example.a"] },
      customMessage: { capability: "com.example.a", type: "hello", data: Uint8Array.of(1) },
      connectionSettings: { opamp: { destinationEndpoint: "ws://127.0.0.1", heartbeatIntervalSeconds: 2n } },
    });
    const { value } = await channel[Symbol.asyncIterator]().next();
    expect(value).toEqual({ type: "hello", data: Uint8Array.of(1) });
    expect(await heartbeat).toBe(2_000);
    await agent.until(() => agent.hasApplied(Buffer.from("h1")) && agent.customCapabilities.length === 1);
    expect(reportsOf(agent).at(-1)).toEqual(["agentDescription", "remoteConfigStatus", "customCapabilities"]);
  });

  verifies("MSG-03", "an error response is reported, and everything beside it is ignored", async () => {
    const applied: unknown[] = [];
    let once = true;
    const { agent, client } = await meet(transport, {
      client: { remoteConfig: { apply: (config) => void applied.push(config) } },
      server: {
        onMessage(_, { health }) {
          if (health === undefined || !once) return undefined;
          once = false;
          return {
            errorResponse: { type: BAD_REQUEST, errorMessage: "no room" },
            ...offerOf("h1", { a: "1" }),
            flags: 1n,
          };
        },
      },
    });
    const refused = next(client, "serverError");
    client.setHealth({ healthy: true });
    expect(await refused).toEqual({ type: "badRequest", message: "no room", dropped: ["health"] });
    client.setDescription({ identifying: { "service.name": "renamed" } });
    await agent.until(({ attributes }) => attributes.identifying["service.name"] === "renamed");
    expect(applied).toEqual([]);
    expect(reportsOf(agent)).toEqual([FIRST, ["health"], ["agentDescription"]]);
    expect(agent.remoteConfig).toMatchObject({ status: "unset", hash: new Uint8Array() });
  });

  for (const [word, type] of [
    ["badRequest", BAD_REQUEST],
    ["unknown", UNKNOWN],
    ["unknown", 77 as ServerErrorResponseType],
  ] as const) {
    verifies(
      ["RETRY-01", "MSG-03"],
      `a report refused as error ${type} is not repeated, later ones are sent`,
      async () => {
        const errorResponse = { type, errorMessage: "cannot read this" };
        const { agent, client, server } = await meet(transport, {
          server: { onMessage: (_, { health }) => (health?.status === "first" ? { errorResponse } : undefined) },
        });
        const refused = next(client, "serverError");
        client.setHealth({ healthy: true, status: "first" });
        expect(await refused).toEqual({ type: word, message: "cannot read this", dropped: ["health"] });
        client.setDescription({ identifying: { "service.name": "renamed" } });
        await agent.until(({ attributes }) => attributes.identifying["service.name"] === "renamed");
        client.setHealth({ healthy: true, status: "second" });
        await agent.until(({ health }) => health?.status === "second");
        expect(agent.received.flatMap(({ health }) => health?.status ?? [])).toEqual(["first", "second"]);
        expect(client.phase).toBe("online");
        expect(server.connections.total).toBe(transport.duplex ? 1 : 0);
      },
    );
  }

  verifies("RETRY-01", "a server that is only busy gets the same report again", async () => {
    let isBusy = true;
    const errorResponse = {
      type: UNAVAILABLE,
      errorMessage: "later",
      Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds: 1_000_000n } },
    };
    const { agent, client } = await meet(transport, {
      server: {
        onMessage(_, { health }) {
          if (health === undefined || !isBusy) return undefined;
          isBusy = false;
          return { errorResponse };
        },
      },
    });
    const errors = collect(client, "serverError");
    const phases = collect(client, "phase");
    client.setHealth({ healthy: true });
    await agent.until(({ received }) => received.filter(({ health }) => health !== undefined).length === 2);
    await client.connected();
    expect(errors).toEqual([{ type: "unavailable", message: "later", dropped: [] }]);
    const path = phases.map(({ phase }) => phase);
    expect(path).toEqual([...(transport.duplex ? ["closing"] : []), "waiting", "connecting", "reporting", "online"]);
  });

  verifies("RETRY-03", "changes made while the server is away are sent as one message", async () => {
    let body = "one";
    const { agent, client, server, outage } = await meet(transport, {
      client: { effectiveConfig: () => ({ "": { body } }) },
    });
    outage(true);
    const away = new Promise<void>((resolve) => {
      client.on("phase", ({ phase, previous }) => {
        if (phase === "waiting" && (previous !== "online" || !transport.duplex)) resolve();
      });
    });
    server.drop();
    await away;
    const heard = agent.received.length;
    for (let i = 0; i < 1_000; i++) client.setHealth({ healthy: i % 2 === 0, status: `${i}` });
    body = "two";
    client.refreshEffectiveConfig();
    client.setDescription({ identifying: { "service.name": "renamed" } });
    outage(false);
    await agent.until(({ health }) => health !== undefined);
    expect(agent.health?.status).toBe("999");
    expect(agent.received.slice(heard).map(partsOf)[0]).toEqual(["agentDescription", "health", "effectiveConfig"]);
    expect(agent.effectiveFiles[""]?.text()).toBe("two");
  });
});
