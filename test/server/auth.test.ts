import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import type { Auth, OpAMPServer } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { BareSocket, full, lean, post, uid } from "./bare-peers.js";
import { startServer } from "./server-fixture.js";

type Headers = Record<string, string>;

async function refusedUpgrade(url: string, headers: Headers = {}): Promise<IncomingMessage> {
  const socket = new WebSocket(url, { headers });
  const [, response] = (await once(socket, "unexpected-response")) as [ClientRequest, IncomingMessage];
  return response;
}

async function dialWith(server: OpAMPServer, headers: Headers): Promise<BareSocket> {
  const peer = await BareSocket.open(server.url, { headers });
  onTestFinished(() => peer.socket.terminate());
  return peer;
}

const basic = (text: string): Headers => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
const rows: [string, Auth, Headers[], Headers[], string][] = [
  [
    "a bearer token",
    { bearer: "t0ken" },
    [{ authorization: "Bearer t0ken" }, { authorization: "bearer t0ken" }],
    [{}, { authorization: "Bearer T0ken" }, { authorization: "t0ken" }, basic("t0ken:")],
    'Bearer realm="opamp"',
  ],
  [
    "one of several tokens",
    { bearer: ["a", "b"] },
    [{ authorization: "Bearer b" }],
    [{ authorization: "Bearer c" }],
    "Bearer",
  ],
  [
    "user and password",
    { basic: { user: "me", password: "p:w" } },
    [basic("me:p:w")],
    [basic("me:"), basic("me:p"), { authorization: "Bearer me" }],
    "Basic",
  ],
  ["a header", { header: "X-Api-Key", value: "k" }, [{ "x-api-key": "k" }], [{}, { "x-api-key": "K" }], "ApiKey"],
  ["a function", ({ headers }) => headers["x-who"] === "me", [{ "x-who": "me" }], [{ "x-who": "you" }], "Bearer"],
];

describe.each(rows)("%s", (_, auth, good, bad, challenge) => {
  test("is accepted on both transports, and anything else is refused", async () => {
    const server = await startServer({ auth });
    for (const headers of good) {
      await dialWith(server, headers);
      expect((await post(server.httpUrl, encodeAgentToServer(full(1)), headers)).status).toBe(200);
    }
    for (const headers of bad) {
      const answer = await post(server.httpUrl, encodeAgentToServer(full(1)), headers);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain(challenge);
      const upgrade = await refusedUpgrade(server.url, headers);
      expect(upgrade.statusCode).toBe(401);
      expect(upgrade.headers["www-authenticate"]).toContain(challenge);
    }
    expect(server.connections.total).toBe(good.length);
  });
});

test("a function can choose the answer, and one that throws leads to a server error", async () => {
  const server = await startServer({ auth: () => ({ status: 403, body: "not you" }) });
  const answer = await post(server.httpUrl, encodeAgentToServer(full(1)));
  expect([answer.status, await answer.text()]).toEqual([403, "not you"]);
  server.setAuth(() => {
    throw new Error("broken");
  });
  expect((await post(server.httpUrl, encodeAgentToServer(full(1)))).status).toBe(500);
});

test("credentials can be rotated, and those that are no longer good revoked", async () => {
  const server = await startServer({ auth: { bearer: ["old", "new"] } });
  const [old, fresh] = [
    await dialWith(server, { authorization: "Bearer old" }),
    await dialWith(server, { authorization: "Bearer new" }),
  ];
  await old.exchange(full(1));
  server.setAuth({ bearer: "new" });
  expect(await old.exchange(lean(2))).toMatchObject({ instanceUid: uid() });
  server.revoke();
  expect(server.agent(uid()).connected).toBe(false);
  expect(await old.closed()).toEqual({ code: 1008, reason: "credentials revoked" });
  expect((await refusedUpgrade(server.url, { authorization: "Bearer old" })).statusCode).toBe(401);
  expect(await fresh.exchange(lean(3))).toMatchObject({ instanceUid: uid() });
  server.setAuth(undefined);
  server.revoke();
  expect(await fresh.exchange(lean(4))).toMatchObject({ instanceUid: uid() });
  const anonymous = await dialWith(server, {});
  server.setAuth({ bearer: "new" });
  server.revoke(4001, "who are you");
  expect(await anonymous.closed()).toEqual({ code: 4001, reason: "who are you" });
});

test("attempts show that credentials came, and not which", async () => {
  const server = await startServer({ auth: { bearer: "t0ken" } });
  await post(`${server.httpUrl}?key=t0ken`, encodeAgentToServer(full(1)), {
    authorization: "Bearer t0ken",
    "x-plain": "1",
  });
  await post(server.httpUrl, encodeAgentToServer(full(1)), { "x-api-key": "t0ken" });
  expect(server.attempts).toMatchObject([
    { transport: "http", status: 200, path: "/v1/opamp", headers: { authorization: "***", "x-plain": "1" } },
    { transport: "http", status: 401, headers: { "x-api-key": "***" } },
  ]);
  expect(JSON.stringify(server.attempts.map(({ headers, path }) => [headers, path]))).not.toContain("t0ken");
});
