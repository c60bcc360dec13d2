import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import { testCertificates } from "../../../src/testing/certificates.js";
import { type Identity, type RawTcpServer, startHttp, startTcp } from "../raw-servers.js";
import { connect, type Dialled } from "../recorder.js";

const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1\r\n\r\n\x07";

/** What a server does about each request, in the order of all its connections. */
type Conduct = (socket: Socket) => void;

const answers: Conduct = (socket) => socket.write(OK, "latin1");
const closes: Conduct = (socket) => socket.end();
const resets: Conduct = (socket) => socket.resetAndDestroy();
const says =
  (text: string): Conduct =>
  (socket) =>
    socket.end(text);

async function serve(...conducts: readonly Conduct[]): Promise<Dialled & { server: RawTcpServer }> {
  let requests = 0;
  const server = await startTcp((socket) => {
    conducts[requests]?.(socket);
    requests += 1;
  });
  return { ...(await connect(`http://${server.host}/v1/opamp`)), server };
}

describe("a kept connection that closes under a request", () => {
  for (const [how, breaks] of Object.entries({ closes, resets })) {
    test(`and ${how} is stale, and the next request has one of its own`, async () => {
      const { transport, ear, server } = await serve(answers, breaks, answers, answers);
      transport.send(Uint8Array.of(1));
      expect(await ear.payload()).toEqual([7]);
      transport.send(Uint8Array.of(2));
      await ear.next("stale");
      for (const payload of [3, 4]) {
        transport.send(Uint8Array.of(payload));
        expect(await ear.payload()).toEqual([7]);
      }
      expect(server.sockets).toHaveLength(2);
    });

    test(`and ${how} again on the new connection is lost`, async () => {
      const { transport, ear } = await serve(answers, breaks, breaks);
      transport.send(Uint8Array.of(1));
      await ear.payload();
      transport.send(Uint8Array.of(2));
      await ear.next("stale");
      transport.send(Uint8Array.of(3));
      expect(await ear.lost()).toMatchObject({ fate: "unknown", error: { code: "ERR_OPAMP_CLOSED" } });
    });

    test(`and ${how} is stale again after an answer in between`, async () => {
      const { transport, ear } = await serve(answers, breaks, answers, breaks, answers);
      for (const expected of ["payload", "stale", "payload", "stale", "payload"] as const) {
        transport.send(Uint8Array.of(1));
        await ear.next(expected);
      }
    });
  }

  test.each([
    ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["one byte", "H"],
    ["half an answer", OK.slice(0, 40)],
  ])("after %s is lost", async (_name, text) => {
    const { transport, ear } = await serve(answers, says(text));
    transport.send(Uint8Array.of(1));
    await ear.payload();
    transport.send(Uint8Array.of(2));
    expect(await ear.lost()).toMatchObject({ fate: "unknown" });
  });

  test("is lost where it has carried no answer before", async () => {
    const { transport, ear } = await serve(closes);
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ fate: "unknown", error: { code: "ERR_OPAMP_CLOSED" } });
  });

  test("ends in a loss where redirects would repeat it without end", async () => {
    const redirects: Conduct = (socket) =>
      socket.write("HTTP/1.1 307 Go On\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
    const { transport, ear } = await serve(answers, redirects, closes, redirects, closes, redirects, closes);
    transport.send(Uint8Array.of(1));
    await ear.payload();
    transport.send(Uint8Array.of(2));
    await ear.next("stale");
    transport.send(Uint8Array.of(3));
    expect(await ear.lost()).toMatchObject({ fate: "unknown" });
  });

  test("is lost where it is cut from this side", async () => {
    const { transport, ear, server } = await serve(answers, () => transport.close(1006, "enough"));
    transport.send(Uint8Array.of(1));
    await ear.payload();
    transport.send(Uint8Array.of(2));
    expect((await ear.lost()).error.message).toContain("closed from this side");
    expect(server.sockets).toHaveLength(1);
  });
});

test("a kept TLS connection that closes under a request is stale", async () => {
  const { ca, server: identity } = await testCertificates();
  let requests = 0;
  const { host } = await startHttp((request, response) => {
    requests += 1;
    if (requests === 2) return void request.socket.destroy();
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end(Uint8Array.of(7));
  }, identity as Identity);
  const { transport, ear } = await connect(`https://localhost:${host.split(":")[1]}/`, { tls: { ca } });
  for (const expected of ["payload", "stale", "payload"] as const) {
    transport.send(Uint8Array.of(1));
    await ear.next(expected);
  }
});

test("a client whose server closes idle connections stays online, and says nothing of it", async () => {
  let requests = 0;
  const { host, sockets } = await startHttp((request, response) => {
    requests += 1;
    if (requests === 3) return void request.socket.destroy();
    request.resume().on("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  });
  const client = new OpAMPClient({
    url: `http://${host}/v1/opamp`,
    description: { identifying: { "service.name": "kept" } },
    heartbeat: { intervalMs: 20, minMs: 10 },
  });
  onTestFinished(() => client.stop());
  const heard: string[] = [];
  client.on("error", ({ code }) => heard.push(code));
  client.on("phase", ({ phase }) => heard.push(phase));
  client.start();
  await expect.poll(() => requests).toBeGreaterThan(5);
  expect(heard).toEqual(["connecting", "reporting", "online"]);
  expect(sockets).toHaveLength(2);
});
