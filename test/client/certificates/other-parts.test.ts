import { expect, test } from "vitest";
import { NEW, offers } from "../connection-settings/moved.js";
import { noting } from "../other-connections/taking.js";
import { certified, requestsAt } from "./certified.js";

test("a new server is asked for a certificate once the rest of its offer is applied, which that would supersede", async () => {
  let end = (): void => undefined;
  const { calls, handler } = noting(() => new Promise<void>((resolve) => (end = resolve)));
  const opamp = { endpoints: ["*.example.com"] };
  const agent = await certified(
    {},
    { options: { connectionSettings: { opamp, certificates: { request: true }, other: handler } } },
  );
  expect(requestsAt(agent.servers.old, agent)).toHaveLength(1);
  await offers(agent, {
    opamp: { destinationEndpoint: NEW },
    otherConnections: { broker: { destinationEndpoint: "mqtt://broker.example.com" } },
  });
  await agent.clock.advance(20_000);
  expect(calls).toHaveLength(1);
  expect([agent.client.connection?.endpoint, agent.statuses.at(-1)]).toEqual([NEW, "applying"]);
  expect(requestsAt(agent.servers.new, agent)).toEqual([]);
  end();
  await agent.clock.advance(1);
  await agent.clock.advance(20_000);
  expect(agent.statuses.at(-1)).toBe("applied");
  expect(requestsAt(agent.servers.new, agent)).toHaveLength(1);
});
