import { expect, test } from "vitest";
import { factsOf } from "../../../src/client/connection/connection-facts.js";
import { lookAtConnection } from "../../../src/client/connection/connection-look.js";
import type { OpAMPClientOptions } from "../../../src/index.js";
import { memoryTransport } from "../../../src/testing/index.js";
import { recorded } from "./disk.js";
import { moved, NEW, OLD, offer } from "./moved.js";
import { headers } from "./offers.js";

/** What a look finds at each moment of a move, with the options that the client had. */
async function looks(given: Partial<OpAMPClientOptions> = {}) {
  const { store, moments } = recorded();
  const agent = await moved({ store });
  await offer(agent, { destinationEndpoint: NEW, headers: headers(["authorization", "Bearer t"]) });
  const options: OpAMPClientOptions = {
    url: OLD,
    description: { identifying: {} },
    // Of a host's own, as the client's is.
    transport: () => memoryTransport(agent.servers.old),
    connectionSettings: { opamp: { endpoints: ["*.example.com"] } },
    ...given,
  };
  const found = moments.map((moment) => lookAtConnection({ ...options, store: recorded(moment).store }));
  return { agent, found: await Promise.all(found) };
}

test("a look at the store finds what the client has in force, at every moment", async () => {
  const { agent, found } = await looks();
  const seen = found.map(
    (look) => look && [factsOf(look.settings).endpoint, look.candidate?.endpoint.url.href, look.putAside],
  );
  const [first, last] = [seen[0], seen.at(-1)];
  expect([first, last]).toEqual([
    [OLD, undefined, undefined],
    [NEW, undefined, undefined],
  ]);
  expect(seen).toContainEqual([OLD, NEW, undefined]);
  const { since, endpoint } = agent.client.connection ?? {};
  expect([found.at(-1)?.sinceMs, endpoint]).toEqual([since?.getTime(), NEW]);
});

test.each<[string, Partial<OpAMPClientOptions>]>([
  ["the epoch is another one", { connectionSettings: { opamp: { endpoints: ["*"] }, settingsEpoch: "2" } }],
  ["the URL is another one", { url: "wss://old2.example.com/" }],
  ["it is no longer allowed", { connectionSettings: { opamp: { endpoints: ["old.example.com"] } } }],
])("a look tells that what was accepted will be put aside where %s", async (_what, given) => {
  const { found } = await looks(given);
  expect(found.at(-1)).toMatchObject({ sinceMs: undefined, snapshot: {}, putAside: expect.any(String) });
});

test("a look finds nothing where the server may change nothing", async () => {
  const { found } = await looks({ connectionSettings: undefined });
  expect(new Set(found)).toEqual(new Set([undefined]));
});
