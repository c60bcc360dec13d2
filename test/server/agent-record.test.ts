import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AgentCapabilities, AgentToServerSchema } from "../../src/gen/opamp/v1/opamp_pb.js";
import { type AgentRecord, absorb, UNKNOWN_AGENT } from "../../src/server/agents/agent-record.js";
import type { AgentToServerInit } from "../../src/wire/codec.js";
import { full, lean } from "./bare-peers.js";

function told(...messages: AgentToServerInit[]): AgentRecord {
  return messages.reduce((record, init) => heard(record, init).record, UNKNOWN_AGENT);
}

function heard(record: AgentRecord, init: AgentToServerInit) {
  return absorb(record, create(AgentToServerSchema, init));
}

/** A description alone, of an agent that reports health too. */
function described(sequenceNum: number): AgentToServerInit {
  return full(sequenceNum, { capabilities: BigInt(AgentCapabilities.AgentCapabilities_ReportsHealth) });
}

describe("a message shows that state is lacking", () => {
  const rows = [
    ["first words that are lean", UNKNOWN_AGENT, lean(1), { lacksState: true, gaps: 0 }],
    ["first words that are full", UNKNOWN_AGENT, full(1), { lacksState: false, gaps: 0 }],
    ["first words in mid-sequence, full", UNKNOWN_AGENT, full(70), { lacksState: false, gaps: 0 }],
    ["first words with no more than a description", UNKNOWN_AGENT, described(70), { lacksState: true, gaps: 0 }],
    ["a number skipped by a description", told(full(1)), described(3), { lacksState: true, gaps: 1 }],
    ["the number due", told(full(1)), lean(2), { lacksState: false, gaps: 0 }],
    ["a number skipped", told(full(1)), lean(3), { lacksState: true, gaps: 1 }],
    ["a number twice", told(full(1)), lean(1), { lacksState: true, gaps: 1 }],
    ["a number skipped by a full report", told(full(1)), full(3), { lacksState: false, gaps: 1 }],
    ["a lean message that starts over", told(full(1), lean(2)), lean(0), { lacksState: true, gaps: 1 }],
    ["a full report that starts over at 0", told(full(0), lean(1)), full(0), { lacksState: false, gaps: 0 }],
    ["a full report that starts over at 1", told(full(1), lean(2)), full(1), { lacksState: false, gaps: 0 }],
  ] as const;
  test.each(rows)("%s", (_, record, message, { lacksState, gaps }) => {
    const absorbed = heard(record, message);
    expect(absorbed.lacksState).toBe(lacksState);
    expect(absorbed.record.gaps).toBe(gaps);
  });
});

test("each part stays as reported last, and a part left out is unchanged", () => {
  const record = told(
    full(1, { health: { healthy: true }, customCapabilities: { capabilities: ["com.example.a"] } }),
    lean(2, { health: { healthy: false, lastError: "x" } }),
    lean(3),
  );
  expect(record.parts.health).toMatchObject({ healthy: false, lastError: "x" });
  expect(record.customCapabilities).toEqual(["com.example.a"]);
  expect(record.parts.description).toBeDefined();
});

test("an agent that restarts keeps no part from before", () => {
  const record = told(full(1, { health: { healthy: true } }), lean(2), full(1));
  expect(record.parts.health).toBeUndefined();
});

test("an agent_disconnect counts until the next message", () => {
  expect(told(full(1), lean(2, { agentDisconnect: {} })).disconnected).toBe(true);
  expect(told(full(1), lean(2, { agentDisconnect: {} }), lean(3)).disconnected).toBe(false);
});

test("a bare components hash keeps the map of the same hash and drops that of another", () => {
  const one = Uint8Array.of(1);
  const map = lean(2, { availableComponents: { components: { receivers: {} }, hash: one } });
  const same = told(full(1), map, lean(3, { availableComponents: { hash: one } }));
  expect(Object.keys(same.parts.availableComponents?.components ?? {})).toEqual(["receivers"]);
  const other = told(full(1), map, lean(3, { availableComponents: { hash: Uint8Array.of(2) } }));
  expect(other.parts.availableComponents?.components).toEqual({});
});
