import { expect, test } from "vitest";
import type { Loss } from "../../../src/transport/transport.js";
import { startHttp, startTcp } from "../raw-servers.js";
import { connect, type TestSettings } from "../recorder.js";

const LONG_MS = 60_000;
const OUT_OF_TIME = { orderly: true, throttled: false, error: { code: "ERR_OPAMP_TIMEOUT" } };

async function lossOf(
  url: string,
  timeouts: { connectMs?: number; headersMs?: number; bodyMs?: number },
  settings: TestSettings = {},
): Promise<Loss> {
  const all = { connectMs: LONG_MS, headersMs: LONG_MS, bodyMs: LONG_MS, ...timeouts };
  const { transport, ear } = await connect(url, { timeouts: all, ...settings });
  transport.send(Uint8Array.of(1));
  const loss = await ear.lost();
  expect(ear.heard).toEqual(["opened", "lost"]);
  return loss;
}

test("a connection that is not made in time is given up before anything left", async () => {
  // TCP is there, and TLS never comes.
  const server = await startTcp();
  const { error, ...loss } = await lossOf(`https://${server.host}/`, { connectMs: 20 });
  expect({ error, ...loss }).toMatchObject({ ...OUT_OF_TIME, fate: "unsent" });
  expect(error.message).toContain("connectMs");
  await expect.poll(() => server.sockets.every((socket) => socket.destroyed)).toBe(true);
});

test("a proxy that makes none in time is named", async () => {
  const proxy = await startTcp();
  for (const scheme of ["http", "socks5"]) {
    const settings = { proxy: { url: `${scheme}://me:secret@${proxy.host}` } };
    const { error, fate } = await lossOf("https://opamp.invalid/", { connectMs: 250 }, settings);
    expect([fate, error.code]).toEqual(["unsent", "ERR_OPAMP_PROXY"]);
    expect(error.message).toBe(`the proxy ${proxy.host} made no connection within timeouts.connectMs`);
  }
  await expect.poll(() => proxy.sockets.every((socket) => socket.destroyed)).toBe(true);
});

// undici looks at its clock twice a second, so these two wait for that; at the same time.
test("an answer that does not begin, or stops half-way, is given up and may have been meant", async () => {
  const silent = await startTcp();
  const stuck = await startHttp((_request, response) => {
    response.writeHead(200, { "content-type": "application/x-protobuf" });
    response.write(Uint8Array.of(1));
  });
  const [headers, body] = await Promise.all([
    lossOf(`http://${silent.host}/`, { headersMs: 20 }),
    lossOf(`http://${stuck.host}/`, { bodyMs: 20 }),
  ]);
  expect(headers).toMatchObject({ ...OUT_OF_TIME, fate: "unknown" });
  expect(headers.error.message).toContain("headersMs");
  expect(body).toMatchObject({ ...OUT_OF_TIME, fate: "unknown" });
  expect(body.error.message).toContain("bodyMs");
});
