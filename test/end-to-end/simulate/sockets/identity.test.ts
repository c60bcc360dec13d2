import { expect, test } from "vitest";
import { uidProblem } from "../../../../src/base/instance-uid.js";
import { randomFrom } from "../../../../src/core/link/backoff.js";
import { checkTemplate, type FleetNames, identityOf } from "../../../../src/simulate/sockets/identity.js";
import { toAgentDescription } from "../../../../src/values/description.js";

const names: FleetNames = { seed: 1, zones: 3, versions: ["1.0.0", "2.0.0"], attributes: {} };

function fleet(size: number, more: Partial<FleetNames> = {}) {
  const random = randomFrom(1);
  return Array.from({ length: size }, (_, index) => identityOf(index + 1, { ...names, ...more }, random));
}

test("agents of a fleet have uids of their own, and all zones and versions", () => {
  const agents = fleet(500);
  expect(new Set(agents.map(({ instanceUid }) => Buffer.from(instanceUid).toString("hex"))).size).toBe(500);
  expect(agents.map(({ instanceUid }) => uidProblem(instanceUid)).filter((problem) => problem !== undefined)).toEqual(
    [],
  );
  const values = (key: string) => {
    const all = agents.map(({ description }) => ({ ...description.identifying, ...description.nonIdentifying }));
    return [...new Set(all.map((attributes) => Object.entries(attributes).find(([name]) => name === key)?.[1]))];
  };
  expect(values("cloud.availability_zone").sort()).toEqual(["zone-1", "zone-2", "zone-3"]);
  expect(values("service.version").sort()).toEqual(["1.0.0", "2.0.0"]);
  expect(values("host.name")).toHaveLength(500);
});

test("attributes have placeholders, add to the usual ones and take their place", () => {
  const attributes = { "service.name": "shop-{n}", "host.name": "node{n}.{zone}", team: "a {version} {uid}" };
  const [first] = fleet(1, { attributes, zones: 1, versions: ["7"] });
  const { identifying, nonIdentifying } = first?.description ?? {};
  expect(identifying).toMatchObject({ "service.name": "shop-1", "service.version": "7" });
  expect(nonIdentifying).toMatchObject({ "host.name": "node1.zone-1", "os.type": "linux" });
  expect(nonIdentifying).toMatchObject({ team: expect.stringMatching(/^a 7 [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/) });
  expect(() => first && toAgentDescription(first.description)).not.toThrow();
});

test("a placeholder that there is not is refused", () => {
  expect(() => checkTemplate("--attribute team", "{n}-{zone}")).not.toThrow();
  expect(() => checkTemplate("--attribute team", "{number}")).toThrow(
    "--attribute team: {number} is not a placeholder; known are {n}, {uid}, {zone}, {version}",
  );
});
