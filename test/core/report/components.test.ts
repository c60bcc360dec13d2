import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Input, Outgoing } from "../../../src/core/io.js";
import { Part } from "../../../src/core/parts.js";
import { type AvailableComponents, AvailableComponentsSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, message, online, polling, type Script } from "../harness.js";
import { description, hash, health } from "../values.js";

const CAN: Script = { can: ["reportsAvailableComponents"] };
const ASK = { flags: 2n };
const asking = message(ASK);

function components(first: number): AvailableComponents {
  return create(AvailableComponentsSchema, { components: { [`c${first}`]: {} }, hash: hash(first) });
}

function set(first: number): Input {
  return { type: "set", parts: { availableComponents: components(first) } };
}

/** What field 14 was in each message: the names of the components, with the first byte of the hash. */
function told(agent: Harness): readonly (readonly [readonly string[], number | undefined] | undefined)[] {
  return agent.sent.map(({ availableComponents: all }) => all && ([Object.keys(all.components), all.hash[0]] as const));
}

describe.each([
  ["on a duplex link", CAN],
  ["over HTTP", polling(CAN)],
] as const)("available components %s", (_name, script: Script) => {
  function agent(more: Script = {}): Harness {
    const harness = new Harness({ ...script, answers: acknowledges, ...more });
    harness.feed({ type: "set", parts: { agentDescription: description("one") } }, set(1), { type: "start" });
    return harness;
  }

  verifies(["COMP-01", "COMP-02", "COMP-03"], "are in the first report as their hash, and in no heartbeat", () => {
    const harness = agent();
    harness.advance(150_000);
    expect(told(harness)).toEqual([[[], 1], undefined, undefined, undefined, undefined, undefined]);
  });

  verifies("COMP-01", "are never reported without their capability, requested or not", () => {
    const harness = agent({ can: [] });
    harness.receive(ASK);
    harness.receive({ flags: 3n });
    expect(told(harness)).toEqual([undefined, undefined]);
  });

  verifies("COMP-05", "are reported in full at once when requested, and not again", () => {
    const harness = agent();
    harness.clear();
    harness.receive(ASK);
    expect([told(harness), harness.sentAt]).toEqual([[[["c1"], 1]], [0]]);
    harness.receive({});
    harness.advance(60_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(told(harness)).toEqual([[["c1"], 1], undefined, undefined, undefined]);
  });

  verifies("COMP-03", "are reported as a new hash when they change", () => {
    const harness = agent();
    harness.receive(ASK);
    harness.clear();
    harness.feed(set(1));
    harness.feed(set(2));
    expect(told(harness)).toEqual([[[], 2]]);
  });

  verifies("STATUS-07", "are a hash in a full report, unless requested too", () => {
    const harness = agent();
    harness.clear();
    harness.receive({ flags: 1n });
    harness.receive({ flags: 3n });
    expect(told(harness)).toEqual([
      [[], 1],
      [["c1"], 1],
    ]);
    expect(harness.sent.map(({ agentDescription }) => agentDescription !== undefined)).toEqual([true, true]);
  });

  verifies("RETRY-02", "are reported in full again if the connection was lost before the answer", () => {
    let answers = acknowledges as Script["answers"];
    const harness = agent({ answers: (message: Outgoing) => answers?.(message) });
    answers = () => undefined;
    harness.clear();
    harness.receive(ASK);
    harness.lose();
    answers = acknowledges;
    harness.advanceUntil("online");
    harness.lose();
    harness.advanceUntil("online");
    expect(told(harness)).toEqual([[["c1"], 1], [["c1"], 1], undefined]);
  });

  test("are reported with their latest value if they changed before they could be sent again", () => {
    let answers: Script["answers"] = acknowledges;
    const harness = agent({ answers: (outgoing) => answers?.(outgoing) });
    answers = undefined;
    harness.receive(ASK);
    harness.feed(set(2));
    harness.lose();
    harness.clear();
    answers = acknowledges;
    harness.advanceUntil("online");
    expect(told(harness)).toEqual([[["c2"], 2]]);
  });

  test("are not reported if they are removed, although requested", () => {
    const harness = agent();
    harness.clear();
    harness.feed({ type: "received", message: asking }, { type: "set", parts: { availableComponents: undefined } });
    expect(harness.sent).toEqual([]);
  });

  verifies("SIZE-04", "that do not fit a message are dropped and logged, but their hash is reported", () => {
    const fits = ({ availableComponents }: Outgoing): boolean =>
      Object.keys(availableComponents?.components ?? {}).length === 0;
    const harness = agent({ fits });
    harness.clear();
    harness.feed(set(2), { type: "received", message: asking });
    expect(told(harness)).toEqual([[[], 2]]);
    expect(harness.notices).toEqual([{ kind: "dropped", parts: Part.availableComponents, why: "oversized" }]);
    harness.receive({ flags: 1n });
    expect(told(harness).slice(1)).toEqual([[[], 2]]);
    expect(harness.sent.map(({ sequenceNum }) => sequenceNum)).toEqual([2n, 3n]);
  });

  test("are sent alone with their hash if they do not fit with the rest of a report", () => {
    const fits = ({ availableComponents, agentDescription }: Outgoing): boolean =>
      agentDescription === undefined || Object.keys(availableComponents?.components ?? {}).length === 0;
    const harness = agent({ fits });
    harness.clear();
    harness.receive({ flags: 3n });
    expect(told(harness)).toEqual([undefined, [["c1"], 1]]);
    expect(harness.notices).toEqual([]);
  });

  test("are reported from the declaration of their capability on", () => {
    const harness = online({ ...script, can: [], answers: acknowledges });
    const { capabilities } = harness.core;
    harness.feed(set(1));
    expect(harness.sent).toEqual([]);
    harness.feed({ type: "declare", capabilities: capabilities | 0x4000n });
    expect(told(harness)).toEqual([[[], 1]]);
  });
});
