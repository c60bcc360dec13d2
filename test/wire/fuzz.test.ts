import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { AgentToServerSchema, ServerToAgentSchema } from "../../src/gen/opamp/v1/opamp_pb.js";
import {
  decodeAgentToServer,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeServerToAgent,
  frame,
  unframe,
} from "../../src/wire/codec.js";
import { verifies } from "../conformance/verifies.js";
import { arbitraryMessage } from "./arbitrary-message.js";

const serverMessage = arbitraryMessage(ServerToAgentSchema, 4);
const agentMessage = arbitraryMessage(AgentToServerSchema, 4);

/** Up to four bytes replaced, and possibly the end cut off. */
const damage = fc.record({
  edits: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  cut: fc.option(fc.nat()),
});

function damaged(data: Uint8Array, { edits, cut }: typeof damage extends fc.Arbitrary<infer T> ? T : never) {
  const copy = data.slice();
  for (const [at, byte] of edits) {
    if (copy.length > 0) {
      copy[at % copy.length] = byte;
    }
  }
  return cut === null ? copy : copy.subarray(0, cut % (copy.length + 1));
}

/** Whatever the bytes are, both decoders answer, and what they take they can write again. */
function expectTyped(data: Uint8Array): void {
  const server = decodeServerToAgent(data);
  const agent = decodeAgentToServer(data);
  if (server.ok) {
    expect(decodeServerToAgent(encodeServerToAgent(server.message)).ok).toBe(true);
  } else {
    expect(server.error).toBeInstanceOf(OpAMPError);
  }
  if (agent.ok) {
    expect(decodeAgentToServer(encodeAgentToServer(agent.message)).ok).toBe(true);
  } else {
    expect(agent.error).toBeInstanceOf(OpAMPError);
  }
}

describe("any bytes", () => {
  test("of a server's message come back as that message", () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        const decoded = decodeServerToAgent(encodeServerToAgent(message));
        expect(decoded.ok && isDeepStrictEqual(decoded.message, message)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test("of an agent's message come back as that message", () => {
    fc.assert(
      fc.property(agentMessage, (message) => {
        const decoded = decodeAgentToServer(encodeAgentToServer(message));
        expect(decoded.ok && isDeepStrictEqual(decoded.message, message)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test("of a damaged message give a result and never an exception", () => {
    fc.assert(
      fc.property(
        serverMessage,
        agentMessage,
        fc.array(damage, { minLength: 8, maxLength: 16 }),
        (server, agent, how) => {
          const whole = [encodeServerToAgent(server), encodeAgentToServer(agent)];
          for (const data of whole) {
            for (const each of how) {
              expectTyped(damaged(data, each));
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("at random give a result and never an exception", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), expectTyped), { numRuns: 2000 });
  });

  verifies(["WS-02", "WS-04"], "survive framing and unframing, and unframing never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 32 }), (data) => {
        const result = unframe(frame(data));
        expect(result.ok && result.payload).toEqual(data);
        const any = unframe(data);
        expect(any.ok ? any.payload.length < data.length : any.error.code === "ERR_OPAMP_MALFORMED").toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
