import { describe, expect, test } from "vitest";
import { OpAMPClient, type OpAMPClientOptions, type WarningEvent } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { hosted } from "../hosted.js";

/** What a client warns of, and what it logs, when it starts; no packet leaves the machine. */
async function warningsOf(options: Partial<OpAMPClientOptions>, heard: () => void = () => undefined) {
  const lines: string[] = [];
  const events: WarningEvent[] = [];
  const log = (level: string) => (line: string) => void lines.push(`${level}: ${line}`);
  const client = new OpAMPClient({
    description: { identifying: { "service.name": "agent" } },
    // A store that never answers: the client starts, and does not dial.
    store: { load: () => new Promise<never>(() => undefined), save: () => undefined },
    logger: { debug: () => undefined, info: log("info"), warn: log("warn"), error: log("error") },
    clock: virtualClock(),
    ...options,
  });
  client.on("warning", heard);
  client.on("warning", (event) => void events.push(event));
  expect(events).toEqual([]);
  client.start();
  client.start();
  const told = { events: [...events], lines: [...lines] };
  await client.stop();
  return told;
}

describe("a client warns at its start", () => {
  test("about a remote server that is reached without encryption", async () => {
    for (const [url, secure] of [
      ["ws://me:hunter2@opamp.example.com/", "wss://"],
      ["http://opamp.example.com/?token=hunter2", "https://"],
    ] as const) {
      const { events, lines } = await warningsOf({ url, proxy: false });
      expect(events).toMatchObject([{ code: "cleartext", hint: expect.stringContaining(secure) }]);
      expect(lines.filter((line) => line.startsWith("warn: "))).toHaveLength(1);
      expect(lines[0]).toContain(events[0]?.message);
      expect(lines[0]).toContain(events[0]?.hint);
      expect(JSON.stringify([events, lines])).not.toContain("hunter2");
    }
  });

  test("about a certificate that is not verified", async () => {
    const { events } = await warningsOf({
      url: "wss://opamp.example.com/",
      proxy: false,
      tls: { insecureSkipVerify: true },
    });
    expect(events.map(({ code }) => code)).toEqual(["insecure-skip-verify"]);
  });

  test("about a remote server without encryption if the transport is chosen automatically", async () => {
    const { events } = await warningsOf({ url: "ws://opamp.example.com/", transport: "auto", proxy: false });
    expect(events.map(({ code }) => code)).toEqual(["cleartext"]);
  });

  test("about nothing on this machine, over TLS, or over a custom transport", async () => {
    for (const url of ["ws://127.0.0.1:4320/", "http://localhost/", "ws://[::1]/", "wss://opamp.example.com/"]) {
      expect((await warningsOf({ url, proxy: false })).events, url).toEqual([]);
    }
    const { client, clock } = await hosted();
    const events: WarningEvent[] = [];
    client.on("warning", (event) => void events.push(event));
    client.start();
    await clock.advance(0);
    expect(events).toEqual([]);
  });
});

test("a warning listener that throws does not keep the warning from the log", async () => {
  const { events, lines } = await warningsOf({ url: "ws://opamp.example.com/", proxy: false }, () => {
    throw new Error("bad listener");
  });
  expect(events).toHaveLength(1);
  expect(lines[1]).toContain('a listener of "warning" failed: bad listener');
});
