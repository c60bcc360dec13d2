import { expect, onTestFinished, test } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import { headers } from "../../client/connection-settings/offers.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { HIDDEN_HOST } from "../contract/ways.js";
import { startHttpProxy } from "../proxies/http-proxy.js";
import { APPLIED, FAILED, hears, offerFrom, PATIENCE, watchedServer } from "./watched-server.js";

const LOGIN = "agent:open-sesame";

/** An agent at its server, another server that is reached through a proxy alone, and that proxy. */
async function meet(endpoints: readonly string[] = ["127.0.0.1", HIDDEN_HOST]) {
  const [old, next, proxy] = await Promise.all([watchedServer(), watchedServer(), startHttpProxy({ auth: LOGIN })]);
  const client = new OpAMPClient({
    url: old.url,
    headers: { "x-own": "bootstrap" },
    proxy: false,
    description: { identifying: { "service.name": "proxied" } },
    backoff: { minMs: 10, maxMs: 50 },
    store: lastingStore(),
    connectionSettings: { opamp: { endpoints, verifyMs: 5_000 } },
  });
  onTestFinished(() => client.stop());
  client.start();
  await client.connected(PATIENCE);
  const login = ["proxy-authorization", `Basic ${Buffer.from(LOGIN).toString("base64")}`] as const;
  const hidden = next.url.replace("127.0.0.1", HIDDEN_HOST);
  return { old, next, hidden, proxy, client, login };
}

verifies(
  ["PROXY-01", "PROXY-02", "TLS-01"],
  "an offered proxy gets its headers, which the server behind it does not, and stays until another one is offered",
  async () => {
    const { old, next, hidden, proxy, client, login } = await meet();
    const connectHeaders = headers(login, ["x-for-proxy", "secret"]);
    const address = proxy.url.replace("http://", "");
    offerFrom(old, client, { destinationEndpoint: hidden, proxy: { url: address, connectHeaders } }, 1);
    await hears(next, client, APPLIED, 1);
    expect(client.connection).toMatchObject({ source: "server", proxy: address });
    offerFrom(next, client, { headers: headers(["x-token", "2"]) }, 2);
    await hears(next, client, APPLIED, 2);
    expect(proxy.connects.all.map(({ headers: sent }) => sent["x-for-proxy"])).toEqual(["secret", "secret"]);
    for (const { headers: sent } of proxy.connects.all)
      expect([sent["x-token"], sent["x-own"]]).toEqual([undefined, undefined]);
    expect(next.seen).toHaveLength(2);
    for (const sent of next.seen) {
      expect(JSON.stringify(sent)).not.toMatch(/x-for-proxy|proxy-authorization|secret|bootstrap/);
    }
    client.forgetConnectionSettings();
    await client.connected(PATIENCE);
    expect(old.seen.at(-1)).toMatchObject({ "x-own": "bootstrap" });
    expect(proxy.connects.all).toHaveLength(2);
  },
);

verifies("CONN-09", "a proxy that does not let the agent through fails at once, and is not used again", async () => {
  const { old, next, hidden, proxy, client } = await meet();
  offerFrom(old, client, { destinationEndpoint: hidden, proxy: { url: proxy.url } }, 1);
  const error = await hears(old, client, FAILED, 1);
  expect(error).toMatch(/407/);
  expect([proxy.connects.all.length, next.seen.length]).toEqual([1, 0]);
  expect(old.seen).toHaveLength(2);
});

test("a proxy that could read all is not asked for anything unless its host is allowed", async () => {
  const { old, proxy, client } = await meet([HIDDEN_HOST]);
  offerFrom(old, client, { proxy: { url: proxy.url } }, 1);
  expect(await hears(old, client, FAILED, 1)).toContain("could read what this agent and its server say");
  expect([proxy.connects.all, proxy.forwards.all, old.seen.length]).toEqual([[], [], 1]);
});
