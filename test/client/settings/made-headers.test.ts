import { describe, expect, test } from "vitest";
import { MadeHeaders } from "../../../src/client/connection/made-headers.js";
import { laidOver } from "../../../src/connection-settings/laid-over.js";
import type { Snapshot } from "../../../src/connection-settings/snapshot.js";
import { OpAMPError } from "../../../src/errors.js";
import type { HeaderSources } from "../../../src/index.js";
import { OpAMPServer, virtualClock } from "../../../src/testing/index.js";
import { resolveHeaders } from "../../../src/transport/settings/headers.js";
import { verifies } from "../../conformance/verifies.js";
import { moved } from "../connection-settings/moved.js";

const URL = "wss://old.example.com/v1/opamp";
const OFFERED = { headers: { authorization: "Bearer two" } };

/** What is sent with these headers of the options under settings that the server offered, and what is told meanwhile. */
function sending(headers: HeaderSources, offered: Snapshot = OFFERED) {
  const clock = virtualClock();
  const told: OpAMPError[] = [];
  const made = new MadeHeaders({ clock, limitMs: 5_000, failed: (error) => told.push(error) });
  const own = { url: URL, headers, tls: undefined, proxy: false } as const;
  const sent = () => resolveHeaders(made.watched(laidOver(own, offered, false)), undefined);
  return { clock, told, sent };
}

const gone = () => new OpAMPError("ERR_OPAMP_AUTH", "the file /token cannot be read: ENOENT", { hint: "put it back" });

describe("a header function that fails under offered headers", () => {
  verifies("CONN-13", "leaves what is offered to be sent alone, and is told of once until it works again", async () => {
    let token: string | undefined;
    const { told, sent } = sending(() => {
      if (token === undefined) throw gone();
      return { "X-Token": token };
    });
    for (let dial = 1; dial <= 3; dial++) expect(await sent()).toEqual({ authorization: "Bearer two" });
    const message = expect.stringMatching(/^headers of the options are left out, .*: the file \/token cannot be read/);
    expect(told).toMatchObject([{ code: "ERR_OPAMP_AUTH", message, hint: "put it back" }]);
    token = "one";
    expect(await sent()).toEqual({ authorization: "Bearer two", "x-token": "one" });
    token = undefined;
    await sent();
    expect(told).toHaveLength(2);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["rejects", () => Promise.reject(new Error("down")), /the headers function failed: down/],
    ["returns no record", () => "Bearer", /must return a record of headers/],
    ["returns what cannot be sent", () => ({ "X-A": "a\nb" }), /header "X-A" cannot be sent/],
  ])("because it %s leaves the others as they are", async (_, fails, why) => {
    const { told, sent } = sending([() => ({ "X-First": "1" }), fails as () => Record<string, string>]);
    expect(await sent()).toEqual({ authorization: "Bearer two", "x-first": "1" });
    expect(told).toMatchObject([{ code: "ERR_OPAMP_HEADERS", message: expect.stringMatching(why) }]);
  });

  test("because it does not return is waited for no longer than for half a dial", async () => {
    const { clock, told, sent } = sending(() => new Promise(() => undefined));
    const sending1 = sent();
    await clock.advance(5_000);
    expect(await sending1).toEqual({ authorization: "Bearer two" });
    expect(told).toMatchObject([{ message: expect.stringContaining("did not return in time") }]);
  });
});

test("a header function that fails without offered headers fails the dial, as ever", async () => {
  const { told, sent } = sending(() => Promise.reject(gone()), { endpoint: URL });
  await expect(sent()).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH" });
  expect(told).toEqual([]);
});

test("an agent with offered headers connects though its own cannot be made any more, and says so", async () => {
  const server = await OpAMPServer.start({ auth: { bearer: ["one", "two"] } });
  let isGone = false;
  const headers = () => (isGone ? Promise.reject(gone()) : { Authorization: "Bearer one" });
  const lines: string[] = [];
  const note = (text: string) => void lines.push(text);
  const logger = { debug: () => undefined, info: note, warn: note, error: note };
  const agent = await moved({ options: { url: server.url, transport: undefined, headers, logger } });
  const seen = await server.firstAgent();
  const hash = seen.offerSettings({ opamp: { headers: { Authorization: "Bearer two" } } });
  await expect.poll(() => agent.clock.advance(10).then(() => seen.hasAppliedSettings(hash))).toBe(true);
  isGone = true;
  seen.drop();
  await expect.poll(() => agent.clock.advance(1_000).then(() => agent.client.phase)).toBe("online");
  expect(agent.errors.filter((text) => text.includes("are left out"))).toHaveLength(1);
  expect(lines.filter((line) => line.includes("only those that the server offered are sent"))).toHaveLength(1);
  await server.close();
});
