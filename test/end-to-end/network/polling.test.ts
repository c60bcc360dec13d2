import { isFieldSet } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import { type AgentToServer, AgentToServerSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { encodeServerToAgent } from "../../../src/wire/codec.js";
import { acknowledge, type Posted, startPostOffice } from "../../client/wire-fixture.js";
import { verifies } from "../../conformance/verifies.js";
import { offerOf, partsOf } from "../contract/meeting.js";
import { startTimed, until } from "./network-fixture.js";

const HOUR_MS = 3_600_000;
const TYPE = "application/x-protobuf";

/** The numbers of the fields that a message carries. */
function carried(message: AgentToServer): number[] {
  return AgentToServerSchema.fields.filter((field) => isFieldSet(message, field)).map(({ number }) => number);
}

function uidOf({ message }: Posted): string {
  const hex = Buffer.from(message.instanceUid).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A client that polls a server whose every answer the test writes; its first report has been answered. */
async function polling(intervalMs: number | undefined) {
  const office = await startPostOffice();
  const timed = startTimed({
    url: office.url,
    ...(intervalMs === undefined ? {} : { heartbeat: { intervalMs } }),
    remoteConfig: { apply: () => undefined },
  });
  acknowledge(await office.posts.next());
  await timed.settled();
  return { ...timed, posts: office.posts, sockets: office.sockets };
}

describe("a client that polls", () => {
  verifies(
    ["HTTP-01", "HTTP-03", "HTTP-06"],
    "with nothing to report POSTs only its identity at each interval",
    async () => {
      const { client, clock, posts } = await polling(1_000);
      for (let polls = 0; polls < 5; polls++) {
        await clock.advance(999);
        expect(posts.all).toHaveLength(polls + 1);
        await clock.advance(1);
        const post = await posts.next();
        expect(carried(post.message)).toEqual([1, 2, 4]);
        const { method, headers } = post.request;
        expect([method, headers["content-type"], headers["content-encoding"]]).toEqual(["POST", TYPE, undefined]);
        // An empty answer is one without fields.
        if (polls === 2) post.response.writeHead(200, { "content-type": TYPE }).end();
        else acknowledge(post);
        await until(() => client.stats().messagesReceived === polls + 2);
      }
      expect(client.phase).toBe("online");
    },
  );

  for (const [intervalMs, how] of [
    [undefined, "every 30 s by default"],
    [5_000, "at the configured interval"],
  ] as const) {
    verifies("HTTP-04", `polls ${how}`, async () => {
      const { clock, posts } = await polling(intervalMs);
      await clock.advance((intervalMs ?? 30_000) - 1);
      expect(posts.all).toHaveLength(1);
      await clock.advance(1);
      await posts.next();
    });
  }

  verifies("HTTP-02", "reports a change at once, and the outcome of an offer as soon as it is known", async () => {
    const { client, posts } = await polling(HOUR_MS);
    client.setHealth({ healthy: true });
    const { message, response } = await posts.next();
    expect(partsOf(message)).toEqual(["health"]);
    const offer = { instanceUid: message.instanceUid, ...offerOf("h1", { "a.yaml": "a: 1" }) };
    response.writeHead(200, { "content-type": TYPE }).end(encodeServerToAgent(offer));
    expect(partsOf((await posts.next()).message)).toEqual(["remoteConfigStatus"]);
  });

  verifies("HTTP-05", "waits for the answer, and then reports all changes meanwhile in one request", async () => {
    const { client, clock, posts } = await polling(HOUR_MS);
    client.setHealth({ healthy: true, status: "one" });
    const first = await posts.next();
    for (const status of ["two", "three", "four"]) {
      client.setHealth({ healthy: true, status });
      await clock.advance(600);
    }
    expect(posts.all).toHaveLength(2);
    acknowledge(first);
    const merged = await posts.next();
    expect([merged.message.health?.status, merged.message.sequenceNum]).toEqual(["four", 3n]);
    acknowledge(merged);
    await until(() => client.stats().messagesReceived === 3);
    await clock.advance(60_000);
    expect(posts.all).toHaveLength(3);
  });

  verifies("HTTP-08", "has the same uid in header and message, also after a new one is assigned", async () => {
    const { client, clock, posts } = await polling(1_000);
    const renamed = new Uint8Array(16).fill(0xab);
    for (let polls = 0; polls < 3; polls++) {
      await clock.advance(1_000);
      const post = await posts.next();
      expect(post.request.headers["opamp-instance-uid"]).toBe(uidOf(post));
      if (polls > 0) expect(uidOf(post)).toBe("abababab-abab-abab-abab-abababababab");
      const { instanceUid } = post.message;
      const given = polls === 0 && { agentIdentification: { newInstanceUid: renamed } };
      post.response.writeHead(200, { "content-type": TYPE }).end(encodeServerToAgent({ instanceUid, ...given }));
      await until(() => client.stats().messagesReceived === polls + 2);
    }
  });

  verifies("HTTP-10", "continues as before if the server closes the connection after each answer", async () => {
    const { client, clock, posts, sockets, errors } = await polling(1_000);
    for (let polls = 0; polls < 4; polls++) {
      await clock.advance(1_000);
      const post = await posts.next();
      expect([post.message.sequenceNum, partsOf(post.message)]).toEqual([BigInt(polls + 2), []]);
      post.response.setHeader("connection", "close");
      acknowledge(post);
      await until(() => client.stats().messagesReceived === polls + 2);
      await until(() => sockets.every((socket) => socket.destroyed));
    }
    expect([errors, sockets.length, client.stats().dials]).toEqual([[], 4, 1]);
  });
});
