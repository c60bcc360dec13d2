import { describe, expect } from "vitest";
import { apiKeyAuth, basicAuth, bearerAuth, clientCredentials, type OpAMPClientOptions } from "../../../src/index.js";
import type { Auth, OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { bodyOf, startHttp } from "../../transport/raw-servers.js";
import { startTimed, until, urlOf, type Way, ways } from "./network-fixture.js";

const FORBIDDEN: Auth = ({ headers }) => headers.authorization === "Bearer good" || { status: 403 };

/** What makes headers, and how often it was asked for fresh ones. */
function countedHeaders(token: () => string) {
  const asked: boolean[] = [];
  const headers: OpAMPClientOptions["headers"] = ({ refresh }) => {
    asked.push(refresh);
    return { authorization: `Bearer ${token()}` };
  };
  return { asked, headers };
}

function statuses(server: OpAMPServer): (number | undefined)[] {
  return server.attempts.map(({ status }) => status);
}

/** Has the server refuse this client from now on, and waits until the client has noticed. */
async function revoke(server: OpAMPServer, way: Way, auth: Auth): Promise<void> {
  server.setAuth(auth);
  if (way.duplex) server.revoke();
}

for (const way of ways) {
  const good = way.duplex ? 101 : 200;

  describe(`credentials over ${way.name}`, () => {
    for (const [status, auth] of [
      [401, { bearer: "good" }],
      [403, FORBIDDEN],
    ] as const) {
      verifies("AUTH-02", `after ${status} are refreshed and retried at once, then retried with backoff`, async () => {
        const server = await startServer({ auth });
        let token = "bad";
        const { asked, headers } = countedHeaders(() => token);
        const { client, errors, dials, ...timed } = startTimed({ url: urlOf(server, way), headers });
        await timed.settled();
        expect(await timed.nextAttempt()).toBeLessThanOrEqual(500);
        expect(asked).toEqual([false, true]);
        for (let attempts = 0; attempts < 3; attempts++) {
          expect(await timed.nextAttempt()).toBeGreaterThanOrEqual(1_000);
        }
        expect(statuses(server)).toEqual(new Array(5).fill(status));
        expect(errors).toHaveLength(5);
        for (const error of errors) expect(error).toMatchObject({ code: "ERR_OPAMP_UNAUTHORIZED", httpStatus: status });
        token = "good";
        await timed.nextAttempt();
        expect([client.phase, statuses(server).at(5), dials.length]).toEqual(["online", good, 6]);
      });
    }

    verifies("AUTH-02", "that are refreshed successfully cost one attempt", async () => {
      const server = await startServer({ auth: { bearer: "good" } });
      const { client, errors, ...timed } = startTimed({
        url: urlOf(server, way),
        headers: ({ refresh }) => ({ authorization: `Bearer ${refresh ? "good" : "old"}` }),
      });
      await timed.settled();
      expect(await timed.nextAttempt()).toBeLessThanOrEqual(500);
      expect([client.phase, errors.length, statuses(server).slice(0, 2)]).toEqual(["online", 1, [401, good]]);
    });

    verifies("AUTH-02", "that cannot change are tried again with backoff only", async () => {
      const server = await startServer({ auth: { bearer: "good" } });
      const { client, ...timed } = startTimed({ url: urlOf(server, way), headers: { authorization: "Bearer bad" } });
      await timed.settled();
      expect(await timed.nextAttempt()).toBeGreaterThanOrEqual(1_000);
      server.setAuth({ bearer: ["good", "bad"] });
      await timed.nextAttempt();
      expect(client.phase).toBe("online");
    });

    verifies(
      "AUTH-02",
      "that are revoked cause errors, and the agent reconnects once they are accepted again",
      async () => {
        const server = await startServer({ auth: { bearer: "good" } });
        const { headers } = countedHeaders(() => "good");
        const { client, clock, errors, dials, ...timed } = startTimed({ url: urlOf(server, way), headers });
        await timed.settled();
        expect(client.phase).toBe("online");
        client.setHealth({ healthy: true });
        const agent = server.agent(client.instanceUid);
        await agent.until(({ health }) => health?.healthy === true);
        await revoke(server, way, { bearer: "new" });
        if (!way.duplex) await clock.advance(30_000);
        await until(() => client.phase === "waiting");
        const before = dials.length;
        client.setHealth({ healthy: false, lastError: "alone" });
        for (let attempts = 0; attempts < 6; attempts++) await timed.nextAttempt();
        const gaps = dials.slice(before).map((at, place) => at - (dials[before + place - 1] ?? at));
        expect(gaps.filter((ms) => ms < 1_000).length).toBeLessThanOrEqual(2);
        expect(client.phase).toBe("waiting");
        expect(errors.at(-1)).toMatchObject({ code: "ERR_OPAMP_UNAUTHORIZED", hint: expect.stringMatching(/headers/) });
        server.setAuth({ bearer: ["new", "good"] });
        await timed.nextAttempt();
        await agent.until(({ health }) => health?.lastError === "alone");
        expect(client.phase).toBe("online");
      },
    );
  });

  describe(`each scheme over ${way.name}`, () => {
    const schemes: readonly [string, Auth, NonNullable<OpAMPClientOptions["headers"]>][] = [
      ["a bearer token", { bearer: "good" }, bearerAuth(() => Promise.resolve("good\n"))],
      ["user and password", { basic: { user: "agent", password: "pä:ss" } }, basicAuth("agent", "pä:ss")],
      ["an API key", { header: "X-API-Key", value: "k-1" }, apiKeyAuth("k-1")],
      [
        "a key in a header of its own",
        { header: "X-Tenant", value: "t" },
        [{ "x-other": "o" }, apiKeyAuth("t", "X-Tenant")],
      ],
    ];
    for (const [what, auth, headers] of schemes) {
      verifies("AUTH-01", `every request is authenticated by ${what}`, async () => {
        const server = await startServer({ auth });
        const { client, clock, errors, ...timed } = startTimed({ url: urlOf(server, way), headers });
        await timed.settled();
        const agent = server.agent(client.instanceUid);
        await clock.advance(30_000);
        await agent.until(({ received }) => received.length === 2);
        expect([client.phase, errors]).toEqual(["online", []]);
        expect(statuses(server).slice(0, 1)).toEqual([good]);
      });
    }

    verifies(
      "AUTH-01",
      "user and password in the URL are accepted, and the headers function overrides them",
      async () => {
        const server = await startServer({ auth: { basic: { user: "agent", password: "pass" } } });
        const url = urlOf(server, way).replace("://", "://agent:pass@");
        const open = startTimed({ url });
        const outranked = startTimed({ url, headers: bearerAuth("other") });
        await Promise.all([open.settled(), outranked.settled()]);
        expect([open.client.phase, outranked.client.phase]).toEqual(["online", "waiting"]);
      },
    );

    verifies(
      ["AUTH-01", "AUTH-02"],
      "client credentials are turned into a token, kept, and replaced when it is revoked",
      async () => {
        const requests: string[] = [];
        const endpoint = await startHttp((request, response) => {
          void bodyOf(request).then((body) => {
            requests.push(`${request.headers.authorization} ${body.toString()}`);
            const token = { access_token: `t${requests.length}`, token_type: "Bearer", expires_in: 3_600 };
            response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(token));
          });
        });
        const server = await startServer({ auth: { bearer: "t1" } });
        const { client, clock, errors, ...timed } = startTimed({
          url: urlOf(server, way),
          headers: clientCredentials({
            tokenUrl: `http://${endpoint.host}/token`,
            clientId: "agent",
            clientSecret: "s3cret",
            scopes: ["opamp"],
          }),
        });
        await timed.settled();
        expect([client.phase, requests]).toEqual([
          "online",
          [`Basic ${btoa("agent:s3cret")} scope=opamp&grant_type=client_credentials`],
        ]);
        await revoke(server, way, { bearer: "t2" });
        if (!way.duplex) await clock.advance(30_000);
        await until(() => client.phase === "waiting");
        for (let attempts = 0; attempts < 3 && client.phase === "waiting"; attempts++) await timed.nextAttempt();
        expect([client.phase, requests.length]).toEqual(["online", 2]);
        expect(errors.filter(({ code }) => code === "ERR_OPAMP_UNAUTHORIZED")).toHaveLength(1);
        expect(JSON.stringify(errors)).not.toContain("s3cret");
      },
    );
  });
}
