import { createHash } from "node:crypto";
import { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { isFinalFailure } from "../../src/connection-settings/final-failure.js";
import { testCertificates } from "../../src/testing/certificates.js";
import { AnswerStart } from "../../src/transport/answer-start.js";
import { isFull } from "../end-to-end/full/long-tests.js";
import { type RawTcpServer, startHttp, startTcp } from "./raw-servers.js";
import { connect, dial, type TestSettings } from "./recorder.js";

const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1\r\n\r\n\x07";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nX-Empty:\r\n\r\n";

/** What may come in front of an answer. */
const INTERIMS = {
  "100 Continue": CONTINUE,
  "100 Continue more than once": CONTINUE.repeat(3),
  "100 Continue with headers": "HTTP/1.1 100 Continue\r\nDate: today\r\nX-Proxy: a\r\n\r\n",
  "100 without a reason": "HTTP/1.1 100 \r\n\r\n",
  "100 of HTTP/1.0": "HTTP/1.0 100 Continue\r\n\r\n",
  "102 Processing": "HTTP/1.1 102 Processing\r\n\r\n",
  "103 Early Hints": HINTS,
  "a status that nobody knows": "HTTP/1.1 199 Whatever\r\n\r\n",
  "a header larger than that of an answer may be": `HTTP/1.1 103 Early Hints\r\nLink: ${"x".repeat(60_000)}\r\n\r\n`,
  "empty lines": "\r\n\n\r\n",
  "empty lines in between": `\r\n${CONTINUE}\r\n\r\n${HINTS}\n`,
  "several kinds, and many of them": `${CONTINUE}${HINTS}`.repeat(200),
};

/** How the bytes of an answer arrive. */
const ARRIVALS: Readonly<Record<string, (text: string) => string[]>> = {
  "at once": (text) => [text],
  "byte by byte": (text) => [...text.slice(0, 2_000), text.slice(2_000)],
};

async function write(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece, "latin1");
    // Each piece leaves, and is read, by itself.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const server = (pieces: readonly string[]): Promise<RawTcpServer> =>
  startTcp((socket) => {
    socket.setNoDelay(true);
    void write(socket, pieces);
  });

describe.each(Object.entries(ARRIVALS))("interim answers that come %s", (how, cut) => {
  // Byte by byte they take twice as long.
  const interims = Object.entries(INTERIMS).filter((_, index) => isFull || how === "at once" || index % 4 === 2);

  test.each(interims)("pass over in front of the answer to a POST: %s", async (_name, interim) => {
    const { host, sockets } = await server(cut(`${interim}${OK}`));
    const { transport, ear } = await connect(`http://${host}/v1/opamp`);
    for (const payload of [1, 2]) {
      transport.send(Uint8Array.of(payload));
      expect(await ear.payload()).toEqual([7]);
    }
    expect(sockets).toHaveLength(1);
  });

  test.each(interims)("pass over in front of a proxy's answer to CONNECT: %s", async (_name, interim) => {
    const pieces = cut(`${interim}HTTP/1.1 200 Connection established\r\n\r\n`);
    let isAsked = false;
    const tunnelled: Buffer[] = [];
    const proxy = await startTcp((socket, bytes) => {
      if (isAsked) return void tunnelled.push(bytes);
      isAsked = true;
      socket.setNoDelay(true);
      void write(socket, pieces);
    });
    const { ear, transport } = dial("ws://opamp.invalid/v1/opamp", { proxy: { url: `http://${proxy.host}` } });
    await expect.poll(() => String(tunnelled[0])).toMatch(/^GET \/v1\/opamp HTTP\/1\.1\r\n/);
    expect(ear.heard).toEqual([]);
    transport.close(1006, "enough");
  });

  test.each(interims)("pass over in front of an upgrade: %s", async (_name, interim) => {
    const upgrading = await startTcp((socket, bytes) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(String(bytes))?.[1];
      if (key === undefined) return;
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const headers = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
      socket.setNoDelay(true);
      // A message of one byte follows at once.
      void write(socket, cut(`${interim}HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n\r\n\x82\x02\x00\x07`));
    });
    const { ear } = await connect(`ws://${upgrading.host}/v1/opamp`);
    expect(await ear.payload()).toEqual([7]);
  });
});

describe.each([
  ["interim answers one after the other", "", CONTINUE.repeat(1_000), "65536 bytes of interim answers (1xx)"],
  ["one interim answer", "HTTP/1.1 100 Continue\r\nX: ", "x".repeat(10_000), "65536 bytes of interim answers (1xx)"],
  ["empty lines", "", "\r\n".repeat(5_000), "65536 bytes of empty lines"],
  [
    "the header of an answer",
    "HTTP/1.1 101 Switching Protocols\r\nX: ",
    "x".repeat(10_000),
    "breaks the rules of HTTP",
  ],
  [
    "headers of an answer",
    "HTTP/1.1 101 Switching Protocols\r\n",
    "X: y\r\n".repeat(2_000),
    "breaks the rules of HTTP",
  ],
  ["what is not HTTP", "", "\0".repeat(10_000), "does not speak HTTP"],
])("a flood of %s", (_name, start, more, why) => {
  /** A server that says this, and then goes on and on. */
  const flooding = (): Promise<RawTcpServer> =>
    startTcp((socket) => {
      socket.write(start);
      const goOn = (): void => {
        if (!socket.destroyed) socket.write(more, () => setImmediate(goOn));
      };
      goOn();
    });

  test("ends the exchange", async () => {
    const { host } = await flooding();
    const { transport, ear } = await connect(`http://${host}/`);
    transport.send(Uint8Array.of(1));
    const { error } = await ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", message: expect.stringContaining(why) });
  });

  test("ends the upgrade, which settings on trial do not survive", async () => {
    const { host } = await flooding();
    const { error, fate } = await dial(`ws://${host}/`).ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", message: expect.stringContaining(why) });
    expect([isFinalFailure(error), fate]).toEqual([true, "unsent"]);
  });

  test("ends the dial through a proxy", async () => {
    const { host } = await flooding();
    const settings: TestSettings = { proxy: { url: `http://${host}` } };
    const { error, fate } = await dial("ws://opamp.invalid/", settings).ear.lost();
    expect([error.code, fate]).toEqual(["ERR_OPAMP_PROXY", "unsent"]);
  });
});

test.each(["https", "wss"])("a flood of interim answers ends a dial over TLS as well: %s", async (scheme) => {
  const { ca, server: tls } = await testCertificates();
  const { host } = await startHttp(({ socket }) => {
    const goOn = (): void => {
      if (!socket.destroyed) socket.write(CONTINUE.repeat(1_000), () => setImmediate(goOn));
    };
    goOn();
  }, tls);
  const settings: TestSettings = { tls: { ca } };
  const { transport, ear } =
    scheme === "wss" ? dial(`wss://${host}/`, settings) : await connect(`https://${host}/`, settings);
  transport.send(Uint8Array.of(1));
  const { error } = await ear.lost();
  expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", message: expect.stringContaining("65536 bytes") });
});

test("what came before anything was asked is looked at as well", () => {
  const socket = new Socket();
  socket.push(`\r\n${CONTINUE}HTTP/1.1 2`);
  const start = new AnswerStart(socket);
  socket.push("00 OK\r\n");
  expect(String(socket.read())).toBe("HTTP/1.1 200 OK\r\n");
  start.release();
  socket.push(CONTINUE);
  expect(String(socket.read())).toBe(CONTINUE);
});

test("a connection that ends after an interim answer alone has given no answer", async () => {
  const { host } = await startTcp((socket) => socket.end(CONTINUE));
  const { transport, ear } = await connect(`http://${host}/`);
  transport.send(Uint8Array.of(1));
  expect(await ear.lost()).toMatchObject({ fate: "unknown", error: { code: "ERR_OPAMP_CLOSED" } });
});

test("a body that looks like an interim answer is left as it is", async () => {
  const { host } = await startTcp((socket) => {
    const head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n";
    void write(socket, [`${head}Content-Length: ${CONTINUE.length}\r\n\r\n`, CONTINUE]);
  });
  const { transport, ear } = await connect(`http://${host}/`);
  transport.send(Uint8Array.of(1));
  expect(Buffer.from(await ear.payload()).toString()).toBe(CONTINUE);
});
