import { describe, expect, test } from "vitest";
import { mark, startServer, transports, untilCount } from "../fixture.js";
import { startGoClient } from "./go-client.js";
import { connections, moved, offerSettings, settingsStatuses, token, untilSettings } from "./moving.js";

const POLL = { heartbeat: { intervalMs: 20 } };
/** What comes every 20 ms has stopped when there is none of it for so long. */
const QUIET_MS = 400;

// What docs/differences.md says of the reference library is measured here.
describe.each(transports)("the same offers to this client and to the Go client over %s", (transport) => {
  test("are applied when they are proved here, and when the callback returns there", async () => {
    const [old, go, next] = await Promise.all([startServer(), startServer(), startServer()]);
    await next.require({ Authorization: "Bearer another" });
    await moved(old, transport, true, POLL);
    await startGoClient(go, transport, "accept");
    const settings = { destinationEndpoint: next.url(transport), ...token("wrong") };
    await Promise.all([old, go].map((server) => offerSettings(server, transport, "h1", settings)));
    await untilSettings(go, "APPLIED", "h1");
    const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/401/);
    // One attempt, which is this client's.
    expect(await connections(next)).toHaveLength(1);
  });

  test("that name nothing are refused here, and applied there", async () => {
    const [old, go] = await Promise.all([startServer(), startServer()]);
    await moved(old, transport, true, POLL);
    await startGoClient(go, transport, "accept");
    await Promise.all([old, go].map((server) => offerSettings(server, transport, "h1", {})));
    await untilSettings(go, "APPLIED", "h1");
    await untilSettings(old, "FAILED", "h1");
  });

  test("that are repeated are taken once here, and each time there", async () => {
    const [old, go] = await Promise.all([startServer(), startServer()]);
    const { client, statuses } = await moved(old, transport, true, POLL);
    await startGoClient(go, transport, "accept");
    for (let round = 0; round < 3; round++) {
      const since = await mark(go);
      await offerSettings(go, transport, "h1", token("second"));
      await untilSettings(go, "APPLIED", "h1", since);
      await offerSettings(old, transport, "h1", token("second"));
      await untilSettings(old, "APPLIED", "h1");
      await client.connected({ timeoutMs: 5_000 });
    }
    expect(statuses.map(({ status }) => status)).toEqual(["applying", "applied"]);
  });

  test("that a host refuses are FAILED with its reason on both", async () => {
    const [old, go] = await Promise.all([startServer(), startServer()]);
    await moved(
      old,
      transport,
      {
        validate() {
          throw new Error("not during the day");
        },
      },
      POLL,
    );
    await startGoClient(go, transport, "refuse");
    for (const server of [old, go]) {
      await offerSettings(server, transport, "h1", token("second"));
      await untilSettings(server, "FAILED", "h1: not during the day");
    }
  });

  test("that move them are reported to the new server here, and not there", async () => {
    const [old, go, next, goNext] = await Promise.all([startServer(), startServer(), startServer(), startServer()]);
    await moved(old, transport, true, POLL);
    await startGoClient(go, transport, "move");
    await offerSettings(old, transport, "h1", { destinationEndpoint: next.url(transport) });
    await offerSettings(go, transport, "h1", { destinationEndpoint: goNext.url(transport) });
    await untilSettings(next, "APPLIED", "h1");
    await untilCount(goNext, 5);
    expect(await settingsStatuses(goNext)).toEqual([]);
    expect(await settingsStatuses(old)).toEqual(["UNSET ", "APPLYING h1"]);
  });

  test("that lead nowhere leave it with its server here, and off the air there", async () => {
    const [old, go, next] = await Promise.all([startServer(), startServer(), startServer()]);
    await next.require({ Authorization: "Bearer another" });
    await moved(old, transport, true, POLL);
    await startGoClient(go, transport, "move");
    const settings = { destinationEndpoint: next.url(transport), ...token("wrong") };
    await offerSettings(go, transport, "h1", settings);
    await next.until("rejected");
    const since = await mark(go);
    await offerSettings(old, transport, "h1", settings);
    await untilSettings(old, "FAILED", "h1");
    await untilCount(old, 5, await mark(old));
    expect(await connections(go, since)).toEqual([]);
  });
});

test("an offer without an interval ends the heartbeats of the Go client, and not those of this one", async () => {
  const [old, go] = await Promise.all([startServer(), startServer()]);
  await moved(old, "ws", true, POLL);
  await startGoClient(go, "ws", "accept");
  for (const server of [old, go]) {
    await untilCount(server, 5);
    await offerSettings(server, "ws", "h1", token("second"));
    await untilSettings(server, "APPLIED", "h1");
  }
  await untilCount(old, 10, await mark(old));
  const since = await mark(go);
  await expect(go.until("message", () => true, { since, timeoutMs: QUIET_MS })).rejects.toThrow('no "message"');
});
