import { describe, expect, test } from "vitest";
import type { OtherSettings } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { known, offers } from "../connection-settings/moved.js";
import { headers } from "../connection-settings/offers.js";
import { certificatesAt, noting, taking } from "./taking.js";

const [APPLIED, FAILED] = [1, 3];
const WHOLE = {
  destinationEndpoint: "db:5432/metrics",
  headers: headers(["X-Token", "1"]),
  otherSettings: { user: "agent", __proto__x: "1" },
  tls: { minVersion: "1.3" },
  proxy: { url: "http://proxy:1" },
};

describe("settings by a name", () => {
  verifies(["CONN-16", "CONN-14"], "keep what an offer does not name, the certificate included", async () => {
    const { handler, calls } = noting<OtherSettings>();
    const agent = await taking({ other: handler });
    const [one, two] = await certificatesAt(agent.clock.wallNow());
    await offers(agent, { otherConnections: { x: { ...WHOLE, certificate: one } } });
    await offers(agent, { otherConnections: { x: { certificate: two } } }, 2);
    await offers(agent, { otherConnections: { x: { otherSettings: { user: "other" } } } }, 3);
    const [first, second, third] = calls;
    expect(first?.settings).toMatchObject({
      name: "x",
      endpoint: "db:5432/metrics",
      headers: { "x-token": "1" },
      otherSettings: { user: "agent", __proto__x: "1" },
      tls: { minVersion: "1.3" },
      proxy: { url: "http://proxy:1", headers: {} },
    });
    expect(first?.context.changed).toEqual(["endpoint", "headers", "certificate", "tls", "proxy", "otherSettings"]);
    expect(second?.settings).toEqual({ ...first?.settings, certificate: second?.settings.certificate });
    expect(second?.settings.certificate).not.toEqual(first?.settings.certificate);
    expect(second?.context).toMatchObject({ changed: ["certificate"], reason: "offer", previous: first?.settings });
    expect(third?.settings).toEqual({ ...second?.settings, otherSettings: { user: "other" } });
    expect(third?.context.changed).toEqual(["otherSettings"]);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 3, ""]);
  });

  verifies("CONN-16", "are given by name, and only those in which something changed", async () => {
    const { handler, calls } = noting<OtherSettings>();
    const agent = await taking({ other: handler });
    await offers(agent, { otherConnections: { b: WHOLE, a: WHOLE } });
    await offers(agent, { otherConnections: { b: { destinationEndpoint: "elsewhere" }, a: WHOLE } }, 2);
    await offers(agent, { otherConnections: { c: {} } }, 3);
    expect(calls.map(({ settings }) => settings.name)).toEqual(["a", "b", "b", "c"]);
    expect(calls[2]?.settings).toMatchObject({ endpoint: "elsewhere", otherSettings: { user: "agent" } });
    expect(calls[3]?.settings).toEqual({ name: "c", endpoint: "", headers: {}, otherSettings: {} });
    expect(agent.statuses.filter((status) => status !== "applying")).toEqual(["applied", "applied", "applied"]);
  });

  test("may have any name that is one line, also one of an object's own", async () => {
    const { handler, calls } = noting<OtherSettings>();
    const agent = await taking({ other: handler });
    const named = Object.fromEntries(["__proto__", "", "constructor"].map((name) => [name, WHOLE]));
    await offers(agent, { otherConnections: named });
    await offers(agent, { otherConnections: { "a\nb": WHOLE } }, 2);
    expect(calls.map(({ settings }) => settings.name)).toEqual(["", "__proto__", "constructor"]);
    expect(known(agent.servers.old, agent)).toEqual([
      FAILED,
      2,
      expect.stringMatching(/^other_connections\["a\\nb"\]: its name is too long, or not one line/),
    ]);
  });

  test("are kept for a bounded number of names", async () => {
    const { handler, calls } = noting<OtherSettings>();
    const agent = await taking({ other: handler });
    const names = Array.from({ length: 64 }, (_, index) => `n${String(index).padStart(2, "0")}`);
    await offers(agent, { otherConnections: Object.fromEntries(names.map((name) => [name, WHOLE])) });
    await offers(agent, { otherConnections: { n64: WHOLE, n63: { destinationEndpoint: "new" } } }, 2);
    expect(calls).toHaveLength(65);
    expect(known(agent.servers.old, agent)?.[2]).toMatch(/^other_connections\["n64"\]: its name is one too many: 64/);
  });

  test.each([65, 200])("are kept for that many names of one offer with %d, in their order", async (count) => {
    const { handler, calls } = noting<OtherSettings>();
    const agent = await taking({ other: handler });
    const names = Array.from({ length: count }, (_, index) => `${String(index).padStart(4, "0")}${"x".repeat(200)}`);
    const wrong = { tls: { insecureSkipVerify: true } };
    const named = [["!", wrong], ...names.map((name) => [name, {}]).reverse()];
    await offers(agent, { otherConnections: Object.fromEntries(named) });
    // One that cannot be used takes no place.
    expect(calls.map(({ settings }) => settings.name)).toEqual(names.slice(0, 64));
    const text = String(known(agent.servers.old, agent)?.[2]);
    expect(text).toMatch(/^other_connections\["!"\]: tls\.insecure.*; other_connections\["0064x/);
    expect(text.length).toBeLessThan(4_200);
    if (count > 65) expect(text).toMatch(/; and 73 more$/);
  });
});
