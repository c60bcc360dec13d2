import { describe, expect, test } from "vitest";
import type { AgentLink } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { meet, offerOf } from "./meeting.js";
import { everyTransport, type Way } from "./transports.js";
import { HIDDEN_HOST } from "./ways.js";

/** What the rest of the contract relies on: that each transport is what its name says. */
const ways = everyTransport.flatMap((transport) =>
  transport.way === undefined ? [] : [{ ...transport, way: transport.way }],
);

const isSecure = ({ scheme }: Way): boolean => scheme === "wss" || scheme === "https";

describe.each(ways)("over $name", (transport) => {
  const { duplex, way } = transport;

  test("messages take the configured transport, proxy and TLS in both directions", async () => {
    const { agent, client, server, seen } = await meet(transport, {
      client: { remoteConfig: { apply: () => undefined } },
    });
    agent.offerConfig({ a: "1" });
    await agent.until(() => agent.hasApplied());
    await client.stop();
    await agent.until(({ disconnected }) => disconnected);
    expect(agent.link?.transport).toBe(duplex ? "ws" : "http");
    const { subject, trusted } = agent.link?.tls?.clientCertificate ?? {};
    expect([subject, trusted]).toEqual(isSecure(way) ? ["CN=test client", true] : [undefined, undefined]);
    const posts = server.requests.total;
    expect(posts === 0).toBe(duplex);
    expect(seen()).toEqual(expectedOf(way, server.port, posts));
  });
});

/** What is to be seen in between of one client that made this many POSTs. */
function expectedOf({ scheme, between }: Way, port: number, posts: number): string[] {
  const times = (count: number, line: string) => Array<string>(count).fill(line);
  switch (between) {
    case undefined:
      return [];
    case "HTTP proxy":
    case "HTTPS proxy":
      if (scheme === "http") return times(posts, `POST http://${HIDDEN_HOST}:${port}/v1/opamp`);
      return [`CONNECT ${HIDDEN_HOST}:${port}`];
    case "SOCKS proxy":
      return [`SOCKS ${HIDDEN_HOST}:${port}`];
    case "blocking gateway":
      return ["upgrade", ...times(posts, "request")];
    case "forwarder":
      return times(posts, "POST /v1/opamp");
    default:
      return between satisfies never;
  }
}

describe.each(ways.filter(({ way }) => way.between === undefined && !way.auto))("over $name", (transport) => {
  const LARGE_BYTES = 65_536;
  const large = "large ".repeat(LARGE_BYTES / 6 + 1);

  test("large messages are compressed in both directions only if that is configured", async () => {
    const links: (AgentLink | undefined)[] = [];
    const { agent, server } = await meet(transport, {
      client: {
        description: { identifying: { "service.name": "contract" }, nonIdentifying: { large } },
        remoteConfig: { apply: () => undefined },
        heartbeat: { intervalMs: 3_600_000 },
      },
      server: {
        onMessage(speaking) {
          links.push(speaking.link);
          return offerOf("h1", { large });
        },
      },
    });
    await agent.until(() => agent.hasApplied(Buffer.from("h1")));
    const { compressed = false } = transport.way;
    expect(links[0]).toMatchObject({ receivesCompressed: compressed, sendsCompressed: compressed });
    const { received, sent } = server.traffic;
    expect([received < LARGE_BYTES, sent < LARGE_BYTES]).toEqual([compressed, compressed]);
    expect(agent.attributes.nonIdentifying["large"]).toBe(large);
  });
});

describe.each(ways.filter(({ way }) => way.between === "forwarder"))("over $name", (transport) => {
  verifies(["INTEROP-04", "HTTP-08"], "the agent's uid arrives with every request, and configs come back", async () => {
    const newUid = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
    const applied: string[] = [];
    const { agent, client, server } = await meet(transport, {
      client: { remoteConfig: { apply: ({ files }) => void applied.push(files["a.yaml"]?.text() ?? "") } },
    });
    const firstUid = client.instanceUid;
    agent.offerConfig({ "a.yaml": "k: v" });
    await agent.until(() => agent.hasApplied());
    expect(applied).toEqual(["k: v"]);
    agent.assignUid(newUid);
    await agent.until(({ uid }) => Buffer.compare(uid, newUid) === 0);
    await client.stop();
    const headers = server.attempts.map((attempt) => attempt.headers);
    expect(new Set(headers.map(({ via }) => via))).toEqual(new Set(["1.1 test-forwarder"]));
    const uids = headers.map((each) => each["opamp-instance-uid"]);
    const renamedAt = uids.indexOf(client.instanceUid);
    expect(new Set(uids.slice(0, renamedAt))).toEqual(new Set([firstUid]));
    expect(new Set(uids.slice(renamedAt))).toEqual(new Set([client.instanceUid]));
    expect(agent.disconnected).toBe(true);
  });
});
