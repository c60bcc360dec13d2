import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import { readBody } from "../../../src/transport/content-coding.js";
import { verifies } from "../../conformance/verifies.js";
import { frameCases } from "./cases/frame-cases.js";
import { httpCases } from "./cases/http-cases.js";
import { protocolCases } from "./cases/protocol-cases.js";
import { statusCases } from "./cases/status-cases.js";
import { tcpCases } from "./cases/tcp-cases.js";
import { upgradeCases } from "./cases/upgrade-cases.js";
import { type Carrier, Stage } from "./stage.js";
import { type HostileCase, hurried } from "./survives.js";
import { survivesMessages } from "./virtual.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const ROUNDS_IN_STRETCH = 4;
/** The first is not measured: code and caches grow at first. */
const STRETCHES = 5;
/** Whatever an attempt leaves behind by mistake, such as a socket, is larger. */
const ALLOWED_PER_ATTEMPT_BYTES = 2_048;
/** And so is a client, by far. */
const ALLOWED_PER_CLIENT_BYTES = 8_192;

/** What is in use, garbage aside. */
async function usedBytes(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** How much use grows in a stretch of rounds: the median of several, since a leak is in each and a whim of the heap is not. */
async function growthBytes(round: () => Promise<void>): Promise<number> {
  const grown: number[] = [];
  let before = 0;
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    for (let count = 0; count < ROUNDS_IN_STRETCH; count++) await round();
    const now = await usedBytes();
    if (stretch > 0) grown.push(now - before);
    before = now;
  }
  grown.sort((a, b) => a - b);
  return grown[Math.floor(grown.length / 2)] ?? Number.NaN;
}

/** Over in an instant, and on one connection. */
function isCheap({ slow, costly, stays, client, perAttempt }: HostileCase): boolean {
  return [slow, costly, stays, client, perAttempt].every((trait) => trait === undefined);
}

const cheap = [...tcpCases, ...httpCases, ...upgradeCases, ...frameCases, ...statusCases].filter(isCheap);

for (const carrier of ["WebSocket", "HTTP"] as const satisfies readonly Carrier[]) {
  const conducts = cheap
    .filter(({ over = carrier }) => over === carrier)
    .flatMap(({ conduct }, index) => (conduct !== undefined && index % 3 === 0 ? [conduct] : []));

  test(`a client that meets a third of the hostile cases over ${carrier} repeatedly does not leak memory`, async ({
    onTestFinished,
  }) => {
    const stage = await Stage.start(onTestFinished);
    const client = new OpAMPClient({
      ...hurried(stage.url(carrier)),
      backoff: { minMs: 1, maxMs: 1 },
      throttle: { minMs: 1, maxMs: 1 },
    });
    onTestFinished(() => client.stop({ timeoutMs: 1 }));
    client.start();
    const round = async (): Promise<void> => {
      // Forgets the times of the connections before.
      stage.turnHostile({
        conduct: (socket, heard) => conducts[stage.connections % conducts.length]?.(socket, heard),
      });
      await stage.until(() => stage.connections >= conducts.length);
    };
    const attempts = conducts.length * ROUNDS_IN_STRETCH;
    expect((await growthBytes(round)) / attempts).toBeLessThan(ALLOWED_PER_ATTEMPT_BYTES);
  }, 30_000);
}

test("clients that meet hostile messages and are stopped leave no memory in use", async () => {
  const quick = protocolCases.filter(({ atMost = 0 }) => atMost < 100).slice(0, 8);
  let turn = 0;
  const round = async (): Promise<void> => {
    turn += 1;
    for (const hostile of quick) {
      const ends: (() => void | Promise<void>)[] = [];
      await survivesMessages(hostile, hostile.duplex ?? turn % 2 === 0, (end) => ends.push(end));
      for (const end of ends) await end();
    }
  };
  const clients = quick.length * ROUNDS_IN_STRETCH;
  expect((await growthBytes(round)) / clients).toBeLessThan(ALLOWED_PER_CLIENT_BYTES);
}, 30_000);

verifies(["SEC-01", "SIZE-05"], "an answer in pieces of a byte takes little more memory than its bytes", async () => {
  const pieces = 200_000;
  const piece = Buffer.alloc(pieces);
  const before = await usedBytes();
  let growth = Number.NaN;
  async function* drip(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < pieces; at++) yield piece.subarray(at, at + 1);
    growth = (await usedBytes()) - before;
  }
  const body = await readBody(Readable.from(drip()), "identity", 0, pieces);
  expect(body.length).toBe(pieces);
  expect(growth).toBeLessThan(8 * pieces);
});
