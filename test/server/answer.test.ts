import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AgentRemoteConfigSchema, CommandType, ServerErrorResponseType } from "../../src/gen/opamp/v1/opamp_pb.js";
import { composeAnswer, composePush, type Dues, type ServerToAgentFields } from "../../src/server/answer.js";
import { uid } from "./bare-peers.js";

const instanceUid = uid();
const announcement = { capabilities: 7n, customCapabilities: ["com.example.a"] };
const announced = { capabilities: 7n, customCapabilities: { capabilities: ["com.example.a"] } };
const offer = create(AgentRemoteConfigSchema, { configHash: Uint8Array.of(1) });
const command = { type: CommandType.CommandType_Restart };
const errorResponse = { type: ServerErrorResponseType.ServerErrorResponseType_Unavailable };
const custom = (type: string): ServerToAgentFields => ({ customMessage: { capability: "com.example.a", type } });

function compose(dues: Partial<Dues> = {}) {
  return composeAnswer({
    instanceUid,
    announcement: undefined,
    fullState: false,
    offer: undefined,
    settings: undefined,
    error: undefined,
    queue: [],
    extra: {},
    ...dues,
  });
}

test("with nothing to say the answer is the bare uid", () => {
  expect(compose()).toEqual({ fields: { instanceUid }, announced: false, fullState: false, error: false, queued: 0 });
});

test("the first answer announces capabilities, and custom capabilities if there are any", () => {
  expect(compose({ announcement })).toMatchObject({ fields: { instanceUid, ...announced }, announced: true });
  const plain = compose({ announcement: { capabilities: 7n, customCapabilities: [] } });
  expect(plain.fields).toEqual({ instanceUid, capabilities: 7n });
});

test("a lack of state, an offer, queued messages and extra fields share one answer", () => {
  const queue = [{ flags: 2n }, custom("x")];
  const composed = compose({ announcement, fullState: true, offer, queue, extra: { packagesAvailable: {} } });
  const { customMessage } = custom("x");
  expect(composed).toEqual({
    fields: { instanceUid, ...announced, flags: 3n, remoteConfig: offer, customMessage, packagesAvailable: {} },
    announced: true,
    fullState: true,
    error: false,
    queued: 2,
  });
});

test("messages that need the same field take one answer each", () => {
  const queue = [custom("x"), custom("y")];
  expect(compose({ queue })).toMatchObject({ fields: custom("x"), queued: 1 });
});

test("extra fields take precedence over queued ones, and queued ones over the offer", () => {
  const other = { configHash: Uint8Array.of(2) };
  expect(compose({ offer, queue: [{ remoteConfig: other }] }).fields.remoteConfig).toBe(other);
  const third = { configHash: Uint8Array.of(3) };
  const fields = compose({ offer, queue: [{ remoteConfig: other }], extra: { remoteConfig: third } }).fields;
  expect(fields.remoteConfig).toBe(third);
});

describe("messages that must stand alone", () => {
  const everything = { announcement, fullState: true, offer };
  const nothingPaid = { announced: false, fullState: false };

  test("a queued command carries the capabilities only", () => {
    const queue = [{ command }, custom("x")];
    const expected = { fields: { instanceUid, capabilities: 7n, command }, error: false, queued: 1, ...nothingPaid };
    expect(compose({ ...everything, queue })).toEqual(expected);
  });

  test("a command behind another message waits for the next answer", () => {
    expect(compose({ queue: [custom("x"), { command }] })).toMatchObject({ fields: custom("x"), queued: 1 });
  });

  test("an error carries the uid only and leaves the queue", () => {
    const composed = compose({ ...everything, error: { errorResponse }, queue: [custom("x")] });
    expect(composed).toEqual({ fields: { instanceUid, errorResponse }, error: true, queued: 0, ...nothingPaid });
  });

  test("an error as extra is the whole answer", () => {
    const composed = compose({ ...everything, extra: { errorResponse }, queue: [custom("x")] });
    expect(composed).toEqual({ fields: { instanceUid, errorResponse }, error: false, queued: 0, ...nothingPaid });
  });

  test("a message with its own uid keeps it", () => {
    const foreign = uid(9);
    expect(compose({ ...everything, queue: [{ instanceUid: foreign }] }).fields).toEqual({ instanceUid: foreign });
    expect(compose({ ...everything, extra: { instanceUid: foreign } }).fields).toEqual({ instanceUid: foreign });
  });
});

test("a push announces too if nothing did before on the connection", () => {
  expect(composePush({ instanceUid, announcement }, custom("x"))).toMatchObject({
    fields: { instanceUid, ...announced, ...custom("x") },
    announced: true,
  });
  expect(composePush({ instanceUid, announcement: undefined }, custom("x")).fields).toEqual({
    instanceUid,
    ...custom("x"),
  });
});
