import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { constants, createDeflateRaw, gzipSync } from "node:zlib";
import { expect } from "vitest";
import { verifies } from "../conformance/verifies.js";
import { Arrivals } from "./arrivals.js";
import { startHttp, startWebSocket } from "./raw-servers.js";
import { connect } from "./recorder.js";

const LIMIT_BYTES = 1_048_576;
/** What each bomb inflates to: 1 GiB, from about a thousandth of it. */
const PIECES = 64;
const PIECE_BYTES = 16_777_216;
/** Far above what reading up to the limit takes, far below a bomb. */
const ALLOWED_KIB = 100 * 1_024;

/** How much this process has grown at its largest since then, in KiB. */
function growthSince(peakKib: number): number {
  return process.resourceUsage().maxRSS - peakKib;
}

/** Deflates zeros to a block that ends on a byte and may be repeated. */
async function block(): Promise<Buffer> {
  const deflate = createDeflateRaw();
  const chunks: Buffer[] = [];
  deflate.on("data", (chunk: Buffer) => chunks.push(chunk));
  deflate.write(Buffer.alloc(PIECE_BYTES));
  await new Promise<void>((resolve) => deflate.flush(constants.Z_FULL_FLUSH, resolve));
  deflate.close();
  return Buffer.concat(chunks);
}

verifies(["SIZE-02", "SIZE-03"], "a compressed WebSocket message is not inflated beyond the limit", async () => {
  const piece = await block();
  const server = await startWebSocket();
  const { ear } = await connect(`ws://${server.host}`, { maxReceiveBytes: LIMIT_BYTES });
  const { socket: peer } = await server.accepted.next();
  const closed = once(peer, "close");
  const header = Buffer.alloc(10);
  header.set([0xc2, 127]);
  header.writeBigUInt64BE(BigInt(piece.length * PIECES), 2);
  const message = Buffer.concat([header, ...new Array<Buffer>(PIECES).fill(piece)]);
  const peakKib = process.resourceUsage().maxRSS;
  server.sockets[0]?.write(message);
  expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_TOO_LARGE" } });
  expect((await closed)[0]).toBe(1009);
  expect(growthSince(peakKib)).toBeLessThan(ALLOWED_KIB);
  expect(ear.heard).toEqual(["opened", "lost"]);
});

/** What the connection of an answer without end has been told when it is closed. */
async function endless(
  headers: Record<string, string>,
  piece: Buffer,
): Promise<{ grownKib: number; writtenBytes: number }> {
  const closed = new Arrivals<number>();
  const pour = (response: ServerResponse): void => {
    while (!response.closed && response.write(piece));
  };
  const server = await startHttp((_request, response) => {
    response.writeHead(200, { "content-type": "application/x-protobuf", ...headers });
    const { socket } = response;
    response.on("drain", () => pour(response));
    response.on("close", () => closed.push(socket?.bytesWritten ?? 0));
    pour(response);
  });
  const { transport, ear } = await connect(`http://${server.host}/`, { maxReceiveBytes: LIMIT_BYTES });
  const peakKib = process.resourceUsage().maxRSS;
  transport.send(Uint8Array.of(1));
  expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_TOO_LARGE" } });
  const writtenBytes = await closed.next();
  expect(ear.heard).toEqual(["opened", "lost"]);
  return { grownKib: growthSince(peakKib), writtenBytes };
}

verifies(["SIZE-05", "SIZE-06"], "an endless compressed answer is not read beyond the limit", async () => {
  const { grownKib, writtenBytes } = await endless({ "content-encoding": "gzip" }, gzipSync(Buffer.alloc(PIECE_BYTES)));
  expect(grownKib).toBeLessThan(ALLOWED_KIB);
  expect(writtenBytes).toBeLessThan(20_000_000);
});

verifies(
  ["SIZE-05", "SIZE-06"],
  "an endless plain answer without Content-Length is not read beyond the limit",
  async () => {
    const { grownKib, writtenBytes } = await endless({}, Buffer.alloc(65_536));
    expect(grownKib).toBeLessThan(ALLOWED_KIB);
    expect(writtenBytes).toBeLessThan(20_000_000);
  },
);

verifies("SIZE-05", "an endless compressed answer that inflates to nothing is not read beyond the limit", async () => {
  // An empty member: 20 bytes that inflate to none.
  const nothing = Buffer.concat(new Array<Buffer>(4_000).fill(gzipSync("")));
  const { grownKib, writtenBytes } = await endless({ "content-encoding": "gzip" }, nothing);
  expect(grownKib).toBeLessThan(ALLOWED_KIB);
  expect(writtenBytes).toBeLessThan(20_000_000);
});
