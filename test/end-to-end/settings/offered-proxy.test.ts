import { expect, onTestFinished, test } from "vitest";
import { memoryStore, OpAMPClient } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { HIDDEN_HOST } from "../contract/ways.js";
import { startHttpProxy } from "../proxies/http-proxy.js";

const [APPLIED, FAILED] = [1, 3];
const PATIENCE = { timeoutMs: 20_000 };
const LOGIN = "agent:open-sesame";

function pairs(...given: readonly (readonly [string, string])[]) {
  return { headers: given.map(([key, value]) => ({ key, value })) };
}

async function started() {
  const seen: Record<string, unknown>[] = [];
  const server = await OpAMPServer.start({
    onConnect({ headers }) {
      seen.push(headers);
      return undefined;
    },
  });
  onTestFinished(() => server.close());
  return { server, seen, hidden: server.url.replace("127.0.0.1", HIDDEN_HOST) };
}

/** An agent at its server, another server that is reached through a proxy alone, and that proxy. */
async function meet(endpoints: readonly string[] = ["127.0.0.1", HIDDEN_HOST]) {
  const [old, next, proxy] = await Promise.all([started(), started(), startHttpProxy({ auth: LOGIN })]);
  const client = new OpAMPClient({
    url: old.server.url,
    headers: { "x-own": "bootstrap" },
    proxy: false,
    description: { identifying: { "service.name": "proxied" } },
    backoff: { minMs: 10, maxMs: 50 },
    store: { ...memoryStore(), lasting: true },
    connectionSettings: { opamp: { endpoints, verifyMs: 5_000 } },
  });
  onTestFinished(() => client.stop());
  client.start();
  await client.connected(PATIENCE);
  const offer = (at: typeof old, opamp: object, hash: number): void => {
    at.server.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(hash), opamp } });
  };
  const hears = async (at: typeof old, status: number, hash: number) => {
    const agent = at.server.agent(client.instanceUid);
    await agent.until(({ connectionSettingsStatus: told }) => {
      return told?.status === status && told.lastConnectionSettingsHash[0] === hash;
    }, PATIENCE);
    return agent.connectionSettingsStatus?.errorMessage ?? "";
  };
  const login = ["proxy-authorization", `Basic ${Buffer.from(LOGIN).toString("base64")}`] as const;
  return { old, next, proxy, client, offer, hears, login };
}

verifies(
  ["PROXY-01", "PROXY-02", "TLS-01"],
  "an offered proxy gets its headers, which the server behind it does not, and stays until another one is offered",
  async () => {
    const { old, next, proxy, client, offer, hears, login } = await meet();
    const connectHeaders = pairs(login, ["x-for-proxy", "secret"]);
    const address = proxy.url.replace("http://", "");
    offer(old, { destinationEndpoint: next.hidden, proxy: { url: address, connectHeaders } }, 1);
    await hears(next, APPLIED, 1);
    expect(client.connection).toMatchObject({ source: "server", proxy: address });
    offer(next, { headers: pairs(["x-token", "2"]) }, 2);
    await hears(next, APPLIED, 2);
    expect(proxy.connects.all.map(({ headers }) => headers["x-for-proxy"])).toEqual(["secret", "secret"]);
    for (const { headers } of proxy.connects.all)
      expect([headers["x-token"], headers["x-own"]]).toEqual([undefined, undefined]);
    expect(next.seen).toHaveLength(2);
    for (const headers of next.seen) {
      expect(JSON.stringify(headers)).not.toMatch(/x-for-proxy|proxy-authorization|secret|bootstrap/);
    }
    client.forgetConnectionSettings();
    await client.connected(PATIENCE);
    expect(old.seen.at(-1)).toMatchObject({ "x-own": "bootstrap" });
    expect(proxy.connects.all).toHaveLength(2);
  },
);

verifies("CONN-09", "a proxy that does not let the agent through fails at once, and is not used again", async () => {
  const { old, next, proxy, offer, hears } = await meet();
  offer(old, { destinationEndpoint: next.hidden, proxy: { url: proxy.url } }, 1);
  const error = await hears(old, FAILED, 1);
  expect(error).toMatch(/407/);
  expect([proxy.connects.all.length, next.seen.length]).toEqual([1, 0]);
  expect(old.seen).toHaveLength(2);
});

test("a proxy that could read all is not asked for anything unless its host is allowed", async () => {
  const { old, proxy, offer, hears } = await meet([HIDDEN_HOST]);
  offer(old, { proxy: { url: proxy.url } }, 1);
  expect(await hears(old, FAILED, 1)).toContain("could read what this agent and its server say");
  expect([proxy.connects.all, proxy.forwards.all, old.seen.length]).toEqual([[], [], 1]);
});
