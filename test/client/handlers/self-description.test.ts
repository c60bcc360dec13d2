import { describe, expect, test } from "vitest";
import type { AgentToServer } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { memoryStore, OpAMPClient } from "../../../src/index.js";
import { plainAttributes } from "../../../src/values/plain-attributes.js";
import { verifies } from "../../conformance/verifies.js";
import { hosted, running } from "../hosted.js";
import { refusal } from "../refusal.js";

const NEW_UID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const NEW_UID_TEXT = "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";
const describeAgent = ({ instanceUid }: { instanceUid: string }) => ({
  identifying: { "service.name": "guest", "service.instance.id": instanceUid },
});

/** The `service.instance.id` of each description, in order. */
function instanceIds(received: readonly AgentToServer[]) {
  return received.flatMap(({ agentDescription }) =>
    agentDescription === undefined
      ? []
      : [plainAttributes(agentDescription.identifyingAttributes)["service.instance.id"]],
  );
}

test("the description getter returns a copy of what is reported", async () => {
  const given = { identifying: { "service.name": "shop", ports: [1, 2n] }, nonIdentifying: { "os.type": "linux" } };
  const { client, agent, clock } = await running({ description: given });
  expect(client.description).toEqual({ ...given, identifying: { "service.name": "shop", ports: [1, 2] } });
  client.setDescription(describeAgent);
  agent.assignUid(NEW_UID);
  await clock.advance(0);
  expect(client.description).toEqual({ ...describeAgent({ instanceUid: NEW_UID_TEXT }), nonIdentifying: {} });
});

describe("a description made by a function", () => {
  test("has the agent's own uid from the first report on", async () => {
    const { client, agent } = await running({ description: describeAgent });
    expect(agent.attributes.identifying["service.instance.id"]).toBe(client.instanceUid);
  });

  test.each([
    ["at once", memoryStore({ instanceUid: NEW_UID })],
    ["later", { load: () => Promise.resolve({ instanceUid: NEW_UID }), save: () => {} }],
  ])("has the uid of a store that answers %s, in the first report", async (_, store) => {
    const { client, server, clock } = await hosted({ description: describeAgent, store });
    client.start();
    await clock.advance(0);
    const agent = await server.firstAgent();
    expect(instanceIds(agent.received)).toEqual([NEW_UID_TEXT]);
  });

  verifies("UID-05", "changes with a uid that the server assigns, in the first report under it", async () => {
    const { agent, clock, client } = await running({ description: describeAgent });
    const before = client.instanceUid;
    agent.assignUid(NEW_UID);
    await clock.advance(0);
    expect(instanceIds(agent.received)).toEqual([before, NEW_UID_TEXT]);
    expect(agent.lastMessage?.instanceUid).toEqual(NEW_UID);
  });

  test("is called again for a new uid only while it is the current description", async () => {
    const { agent, clock, client } = await running();
    client.setDescription(describeAgent);
    client.setDescription({ identifying: { "service.name": "plain" } });
    agent.assignUid(NEW_UID);
    await clock.advance(0);
    expect(agent.attributes.identifying).toEqual({ "service.name": "plain" });
  });

  test("makes the call that sets it throw if it fails then", () => {
    const fail = (): never => {
      throw new Error("who am I?");
    };
    expect(() => new OpAMPClient({ url: "ws://127.0.0.1:1", description: fail })).toThrow("who am I?");
  });

  test("that fails later is an error event, and the description stays", async () => {
    let calls = 0;
    const { agent, clock, errors, client } = await running({
      description: (names) => {
        calls += 1;
        if (names.instanceUid === NEW_UID_TEXT) throw new Error("who am I?");
        return describeAgent(names);
      },
    });
    const before = client.instanceUid;
    agent.assignUid(NEW_UID);
    await clock.advance(0);
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    expect(calls).toBeGreaterThan(1);
    expect(agent.attributes.identifying["service.instance.id"]).toBe(before);
    expect(agent.lastMessage?.instanceUid).toEqual(NEW_UID);
  });
});

test("a refresh of the effective config without a handler for it is refused, and says how to give one", async () => {
  const { client } = await running();
  const refused = refusal(() => client.refreshEffectiveConfig());
  expect(refused).toMatchObject({ code: "ERR_OPAMP_OPTION", hint: expect.stringContaining("setHandlers") });
  expect(`${refused.message} ${refused.hint}`).toContain("`effectiveConfig` option");
  client.setHandlers({ effectiveConfig: () => ({ "": { body: "a: 1" } }) });
  client.refreshEffectiveConfig();
  client.setHandlers({ effectiveConfig: undefined });
  expect(refusal(() => client.refreshEffectiveConfig()).code).toBe("ERR_OPAMP_OPTION");
});

test("an effective config of which only a content type has changed is reported", async () => {
  let contentType = "text/yaml";
  const { client, agent, clock } = await running({ effectiveConfig: () => ({ a: { body: "a: 1", contentType } }) });
  for (const next of ["text/yaml", "application/yaml", "application/yaml"]) {
    contentType = next;
    client.refreshEffectiveConfig();
    await clock.advance(0);
  }
  const types = agent.received.flatMap(
    ({ effectiveConfig }) => effectiveConfig?.configMap?.configMap["a"]?.contentType ?? [],
  );
  expect(types).toEqual(["text/yaml", "application/yaml"]);
});
