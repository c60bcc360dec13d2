import { describe, expect, test } from "vitest";
import type { OpAMPServer } from "../../../src/testing/index.js";
import { encodeServerToAgent } from "../../../src/wire/codec.js";
import { known, moved, NEW, offer } from "../connection-settings/moved.js";

const [FAILED, VERIFY_MS] = [3, 10_000];
const FOREIGN = encodeServerToAgent({ instanceUid: new Uint8Array(16).fill(9) });

describe.each([
  ["on a duplex connection", true],
  ["over polls", false],
])("the server that is left hears of the new one %s", (_name, duplex) => {
  const cases: readonly [string, (server: OpAMPServer) => void, RegExp][] = [
    [
      "that it is unavailable for too long",
      (server) => server.throttleNext({ retryAfterMs: 60_000 }),
      /longer pause than the 10000 ms .*: the server answered UNAVAILABLE: busy \(offer the settings again later\)$/,
    ],
    [
      "that it is unavailable each time",
      (server) => server.throttleNext({ times: Number.POSITIVE_INFINITY }),
      /UNAVAILABLE: busy \(offer the settings again later\)$/,
    ],
    [
      "that what it sends is not OpAMP",
      (server) => server.misbehave({ mode: "garbage", times: Number.POSITIVE_INFINITY }),
      /^not proved within 10000 ms: .*(decoded|protobuf|message)/,
    ],
    [
      "that it answers another agent",
      (server) => server.misbehave({ mode: "garbage", bytes: FOREIGN, times: Number.POSITIVE_INFINITY }),
      /^not proved within 10000 ms: .*(09090909.* another agent|for another agent)/,
    ],
  ];

  test.each(cases)("%s", async (_what, order, text) => {
    const agent = await moved({
      duplex,
      policy: { verifyMs: VERIFY_MS },
      options: { heartbeat: { intervalMs: 1_000 } },
    });
    order(agent.servers.new);
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(VERIFY_MS * 4);
    const [status, hash, error] = known(agent.servers.old, agent) ?? [];
    expect([status, hash]).toEqual([FAILED, 1]);
    expect(error).toMatch(text);
  });
});
