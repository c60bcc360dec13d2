import { expect, test } from "vitest";
import { CLOSE_NOW, OVERDUE } from "../../../src/transport/transport.js";
import { startHttp, startTcp } from "../raw-servers.js";
import { connect, type Dialled, type TestSettings } from "../recorder.js";

const OUT_OF_TIME = { orderly: true, throttled: false, error: { code: "ERR_OPAMP_TIMEOUT" } };

/** A message has been sent, and its connection is being made. */
async function dialing(url: string, settings: TestSettings = {}): Promise<Dialled> {
  const dialled = await connect(url, settings);
  dialled.transport.send(Uint8Array.of(1));
  expect(await dialled.ear.dials.next()).toBe("dialing");
  return dialled;
}

async function overdue({ transport, ear }: Dialled) {
  transport.close(CLOSE_NOW, OVERDUE);
  const loss = await ear.lost();
  expect(ear.heard).toEqual(["opened", "lost"]);
  return loss;
}

test("a connection cut while it is being made is reported with the message unsent", async () => {
  // TCP is there, and TLS never comes.
  const server = await startTcp();
  const dialled = await dialing(`https://${server.host}/`);
  await expect.poll(() => server.sockets.length).toBe(1);
  const { error, ...loss } = await overdue(dialled);
  expect({ error, ...loss }).toMatchObject({ ...OUT_OF_TIME, fate: "unsent" });
  expect(error.message).toContain("connectMs");
  expect(dialled.ear.dials.all).toEqual(["dialing"]);
  await expect.poll(() => server.sockets.every((socket) => socket.destroyed)).toBe(true);
});

test("a proxy that makes no connection is named in the error", async () => {
  const proxy = await startTcp();
  for (const scheme of ["http", "socks5"]) {
    const settings = { proxy: { url: `${scheme}://me:secret@${proxy.host}` } };
    const dialled = await dialing("https://opamp.invalid/", settings);
    await proxy.heard.next();
    const { error, fate } = await overdue(dialled);
    expect([fate, error.code]).toEqual(["unsent", "ERR_OPAMP_PROXY"]);
    expect(error.message).toBe(`the proxy ${proxy.host} made no connection within timeouts.connectMs`);
  }
  await expect.poll(() => proxy.sockets.every((socket) => socket.destroyed)).toBe(true);
});

test("an answer that does not start, or stops halfway, times out with the message possibly delivered", async () => {
  const silent = await startTcp();
  const stuck = await startHttp((_request, response) => {
    response.writeHead(200, { "content-type": "application/x-protobuf" });
    response.write(Uint8Array.of(1));
  });
  for (const { host } of [silent, stuck]) {
    const dialled = await dialing(`http://${host}/`);
    expect(await dialled.ear.dials.next()).toBe("dialed");
    const loss = await overdue(dialled);
    expect(loss).toMatchObject({ ...OUT_OF_TIME, fate: "unknown" });
    expect(loss.error.message).toContain("answerMs");
  }
});

test("a connection is reported once as long as it is kept", async () => {
  let answered = 0;
  const server = await startHttp((request, response) => {
    request.resume();
    answered += 1;
    response.writeHead(204, answered === 2 ? { connection: "close" } : {}).end();
  });
  const { transport, ear } = await dialing(`http://${server.host}/`);
  const heard: number[] = [];
  for (const message of [1, 2, 3]) {
    if (message > 1) transport.send(Uint8Array.of(message));
    await ear.payload();
    heard.push(ear.dials.all.length);
  }
  expect(heard).toEqual([2, 2, 4]);
  expect(ear.dials.all).toEqual(["dialing", "dialed", "dialing", "dialed"]);
});
