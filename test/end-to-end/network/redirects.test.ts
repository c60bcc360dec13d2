import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { type OpAMPServer, testCertificates } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { startTimed, until, urlOf, ways } from "./network-fixture.js";

const SECRET = "Bearer s3cret";
const HEADERS = { authorization: SECRET, "x-tenant": "blue" };
const ALWAYS = Number.POSITIVE_INFINITY;

/** A server that notes what it was asked with. */
async function noting(): Promise<{ server: OpAMPServer; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  return { server: await startServer({ onConnect: (request) => void asked.push(request) }), asked };
}

for (const way of ways) {
  describe(`a redirect over ${way.name}`, () => {
    verifies("AUTH-01", "to another origin is followed every time, and gets no credentials", async () => {
      const target = await noting();
      const guide = await startServer({ auth: ({ headers }) => headers.authorization === SECRET });
      guide.misbehave({ on: "request", mode: "redirect", to: urlOf(target.server, way), status: 301, times: ALWAYS });
      const { client, errors, ...timed } = startTimed({ url: urlOf(guide, way), headers: HEADERS });
      await timed.settled();
      expect([client.phase, errors, guide.attempts.length]).toEqual(["online", [], 1]);
      const agent = target.server.agent(client.instanceUid);
      for (const { headers } of target.asked) expect(JSON.stringify(headers)).not.toMatch(/s3cret|blue/);
      if (way.duplex) target.server.drop();
      else await timed.clock.advance(30_000);
      await until(() => client.phase === "waiting" || guide.attempts.length === 2);
      if (client.phase === "waiting") await timed.nextAttempt();
      await agent.until(({ received }) => received.length === 2);
      expect([guide.attempts.length, target.asked.length]).toEqual([2, 2]);
    });

    test("within the origin keeps the credentials", async () => {
      const asked: string[] = [];
      const server = await startServer({
        onConnect: ({ url, headers }) => {
          asked.push(`${url} ${headers.authorization}`);
          return url === "/old" ? { status: 308, headers: { location: "/v1/opamp" } } : undefined;
        },
      });
      const { client, ...timed } = startTimed({
        url: urlOf(server, way).replace("/v1/opamp", "/old"),
        headers: HEADERS,
      });
      await timed.settled();
      expect([client.phase, asked]).toEqual(["online", [`/old ${SECRET}`, `/v1/opamp ${SECRET}`]]);
    });

    test("from TLS to plain text is refused, whatever the target is", async () => {
      const { ca, server: tls } = await testCertificates();
      const target = await noting();
      const guide = await startServer({ tls });
      guide.misbehave({ on: "request", mode: "redirect", to: target.server.httpUrl, times: ALWAYS });
      const { errors, ...timed } = startTimed({ url: urlOf(guide, way), tls: { ca }, headers: HEADERS });
      await timed.settled();
      expect(errors).toMatchObject([
        { code: "ERR_OPAMP_HTTP_STATUS", message: expect.stringContaining("without TLS") },
      ]);
      expect(await timed.nextAttempt()).toBeGreaterThanOrEqual(1_000);
      expect([target.asked, guide.attempts.length]).toEqual([[], 2]);
    });

    test("in a circle ends after the fifth, and is tried again with backoff", async () => {
      const server = await startServer();
      server.misbehave({ on: "request", mode: "redirect", times: 6 });
      const { client, errors, ...timed } = startTimed({ url: urlOf(server, way) });
      await timed.settled();
      expect(errors).toMatchObject([{ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 307 }]);
      expect([server.attempts.length, client.phase]).toEqual([6, "waiting"]);
      expect(await timed.nextAttempt()).toBeGreaterThanOrEqual(1_000);
      expect(client.phase).toBe("online");
    });

    test("is not followed if the limit is 0", async () => {
      const target = await noting();
      const guide = await startServer();
      guide.misbehave({ on: "request", mode: "redirect", to: urlOf(target.server, way), times: ALWAYS });
      const { errors, ...timed } = startTimed({ url: urlOf(guide, way), maxRedirects: 0 });
      await timed.settled();
      expect([errors[0]?.code, target.asked]).toEqual(["ERR_OPAMP_HTTP_STATUS", []]);
    });
  });
}
