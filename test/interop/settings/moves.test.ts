import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { expectNoGap, mark, messages, received, startServer, transports } from "../fixture.js";
import type { GoServer } from "../go-server.js";
import {
  connections,
  movable,
  moved,
  OWN_HEADERS,
  offerSettings,
  settingsStatuses,
  token,
  untilSettings,
  valuesSeen,
  ways,
} from "./moving.js";

const POLL_MS = 20;
const OWN_VALUES = Object.values(OWN_HEADERS);

/** What a server saw of the headers that agents are told to send. */
async function credentials(server: GoServer, since = 0): Promise<readonly (string | undefined)[][]> {
  const seen = await connections(server, since);
  return seen.map(({ headers }) => Object.keys(OWN_HEADERS).map((name) => headers[name]));
}

describe.each(ways)("a Go server moves its agent from $from to $to on another", ({ from, to }) => {
  verifies(
    ["CONN-06", "CONN-07", "CONN-08", "CONN-10"],
    "which reports APPLYING, disconnects, closes, connects and reports APPLIED, in this order",
    async () => {
      const [old, next] = await Promise.all([startServer(), startServer()]);
      const { client, errors, statuses } = await moved(old, from);
      await offerSettings(old, from, "h1", { destinationEndpoint: next.url(to), ...token("offered") });
      await untilSettings(next, "APPLIED", "h1");
      expect(await settingsStatuses(old)).toEqual(["UNSET ", "APPLYING h1"]);
      expect(await settingsStatuses(next)).toEqual(["APPLYING h1", "APPLIED h1"]);
      const last = messages(old).at(-1);
      expect(last?.message.agentDisconnect).toBeDefined();
      const [first] = await connections(next);
      expect(first?.at).toBeGreaterThan(last?.at ?? Number.POSITIVE_INFINITY);
      expect(old.events.at(-1)).toEqual({ event: "closed", conn: last?.conn });
      expect(old.events.filter(({ event }) => event === "readError")).toEqual([]);
      const [whole, applied] = await received(next);
      expect(whole?.message.agentDescription).toBeDefined();
      expect(applied?.message.connectionSettingsStatus?.status).toBe(1);
      expect(applied?.message.sequenceNum).toBe(BigInt(messages(old).length + 2));
      expect(client.connection).toMatchObject({ state: "accepted", source: "server", endpoint: next.url(to) });
      expect(statuses.map(({ kind, status }) => [kind, status])).toEqual([
        ["connectionSettings", "applying"],
        ["connectionSettings", "applied"],
      ]);
      expect(errors).toEqual([]);
    },
  );

  verifies(
    ["CONN-07", "CONN-12", "CONN-13", "CERT-04"],
    "which never shows it the old headers, also after a restart",
    async () => {
      const [old, next] = await Promise.all([startServer(), startServer()]);
      await next.require({ Authorization: "Bearer offered" });
      const store = lastingStore();
      const { client } = await moved(old, from, true, { store });
      await offerSettings(old, from, "h1", { destinationEndpoint: next.url(to), ...token("offered") });
      await untilSettings(next, "APPLIED", "h1");
      await client.stop();
      const [atOld, atNext] = [await mark(old), await mark(next)];
      const { client: again } = await moved(old, from, true, { store });
      expect((await received(next, atNext)).length).toBeGreaterThan(0);
      expect(again.connection).toMatchObject({ state: "accepted", source: "server" });
      for (const seen of await credentials(next)) expect(seen).toEqual(["Bearer offered", undefined, undefined]);
      expect(await connections(old, atOld)).toEqual([]);
    },
  );

  verifies(["CONN-09", "CONN-13"], "which never shows the old one what was refused with 401 there", async () => {
    const [old, next] = await Promise.all([startServer(), startServer()]);
    await next.require({ Authorization: "Bearer another" });
    await moved(old, from);
    const since = await mark(old);
    await offerSettings(old, from, "h1", { destinationEndpoint: next.url(to), ...token("offered") });
    const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/401/);
    const left = messages(old).findIndex(({ message }) => message.agentDisconnect !== undefined);
    expect(messages(old)[left + 1]?.message.connectionSettingsStatus?.status).toBe(3);
    const back = await credentials(old, since);
    expect(back.length).toBeGreaterThan(0);
    for (const seen of back) expect(seen).toEqual(OWN_VALUES);
    expect(await credentials(next)).toEqual([["Bearer offered", undefined, undefined]]);
  });

  test("and on to a third one, which sees only what it offered itself", async () => {
    const [first, second, third] = await Promise.all([startServer(), startServer(), startServer()]);
    // Over HTTP a server can offer something with its next answer only.
    const { client } = await moved(first, from, true, { heartbeat: { intervalMs: POLL_MS } });
    await offerSettings(first, from, "h1", { destinationEndpoint: second.url(to), ...token("second") });
    await untilSettings(second, "APPLIED", "h1");
    await offerSettings(second, to, "h2", { destinationEndpoint: third.url(from), ...token("third") });
    await untilSettings(third, "APPLIED", "h2");
    expect(client.connection?.endpoint).toBe(third.url(from));
    expect(await settingsStatuses(second)).toEqual(["APPLYING h1", "APPLIED h1", "APPLYING h2"]);
    expect(await valuesSeen(third)).toContain("Bearer third");
    const others = [...(await valuesSeen(third))].filter((value) => [...OWN_VALUES, "Bearer second"].includes(value));
    expect(others).toEqual([]);
  });
});

describe.each(transports)("a Go server moves its agent over %s", (transport) => {
  verifies("CERT-04", "with its first answer, and bootstrap headers are not seen again", async () => {
    const [old, next] = await Promise.all([startServer(), startServer()]);
    await old.reply({
      connectionSettings: {
        hash: Buffer.from("h1"),
        opamp: { destinationEndpoint: next.url(transport), headers: token("registered").headers },
      },
    });
    movable(old, transport);
    await untilSettings(next, "APPLIED", "h1");
    for (const seen of await credentials(next)) expect(seen).toEqual(["Bearer registered", undefined, undefined]);
  });

  verifies("CONN-13", "nowhere, but gives it another token for itself", async () => {
    const server = await startServer();
    const { client } = await moved(server, transport);
    const since = await mark(server);
    await offerSettings(server, transport, "h1", token("rotated"));
    await untilSettings(server, "APPLIED", "h1");
    await client.stop();
    const rotated = (await credentials(server, since)).filter(([authorization]) => authorization === "Bearer rotated");
    expect(rotated.length).toBeGreaterThan(0);
    // The function of the options is asked on for their own server; what is static there is gone.
    for (const seen of rotated) expect(seen).toEqual(["Bearer rotated", undefined, "own"]);
    expectNoGap(server);
  });

  test("twice where the newer offer comes while the first one is being proved", async () => {
    const [old, slow, next] = await Promise.all([startServer(), startServer(), startServer()]);
    await slow.reply({
      connectionSettings: { hash: Buffer.from("h2"), opamp: { destinationEndpoint: next.url(transport) } },
    });
    await moved(old, transport);
    await offerSettings(old, transport, "h1", { destinationEndpoint: slow.url(transport), ...token("first") });
    await untilSettings(next, "APPLIED", "h2");
    // The first was proved by the answer that held the second, whose headers are those in force.
    for (const [authorization] of await credentials(next)) expect(authorization).toBe("Bearer first");
    expect(await settingsStatuses(old)).toEqual(["UNSET ", "APPLYING h1"]);
  });
});
