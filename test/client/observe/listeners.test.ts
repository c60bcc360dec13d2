import { describe, expect, test } from "vitest";
import { Listeners } from "../../../src/client/observe/listeners.js";
import type { OpAMPClientEvents, OpAMPError } from "../../../src/index.js";
import { hosted } from "../hosted.js";
import { refusal } from "../refusal.js";

/** Listeners without a client, and what failed in them. */
function listening() {
  const failures: [string, unknown][] = [];
  return { failures, listeners: new Listeners((name, cause) => failures.push([name, cause])) };
}

describe("listeners", () => {
  test("are called in the order in which they came, each time", () => {
    const { listeners } = listening();
    const seen: string[] = [];
    listeners.on("serverCapabilities", (mask) => void seen.push(`a${[...mask].join()}`));
    listeners.on("serverCapabilities", (mask) => void seen.push(`b${[...mask].join()}`));
    listeners.observe({ type: "serverCapabilities", mask: 1n });
    listeners.observe({ type: "serverCapabilities", mask: 2n });
    listeners.observe({ type: "heartbeatInterval", intervalMs: 3 });
    expect(seen).toEqual(["aacceptsStatus", "bacceptsStatus", "aoffersRemoteConfig", "boffersRemoteConfig"]);
  });

  test.each([
    ["connected", 'event: "connected" is not an event. Did you mean phase? (known are phase, error,'],
    ["remoteConfig", 'event: "remoteConfig" is not an event. Did you mean offer? (known are phase, error,'],
    ["ofer", 'event: "ofer" is not an event. Did you mean offer? (known are phase, error,'],
    ["toString", 'event: "toString" is not an event; known are phase, error,'],
    [undefined, "event: must be the name of an event, not undefined"],
  ])("are refused for an event that there is not: %s", async (name, message) => {
    const { client } = await hosted();
    for (const add of ["on", "once"] as const) {
      const error = refusal(() => client[add](name as "phase", () => undefined));
      expect(error.code).toBe("ERR_OPAMP_OPTION");
      expect(error.message).toContain(message);
    }
  });

  test("that listen once are called once", () => {
    const { listeners } = listening();
    const seen: string[] = [];
    listeners.once("serverCapabilities", (names) => void seen.push([...names].join()));
    listeners.observe({ type: "serverCapabilities", mask: 1n });
    listeners.observe({ type: "serverCapabilities", mask: 2n });
    expect(seen).toEqual(["acceptsStatus"]);
  });

  test("can be removed, whether they listen once or always, or were never added", () => {
    const { listeners } = listening();
    const seen: string[] = [];
    const always = (): void => void seen.push("always");
    const once = (): void => void seen.push("once");
    const other = (): void => void seen.push("other");
    listeners.on("serverCapabilities", always);
    listeners.once("serverCapabilities", once);
    listeners.on("serverCapabilities", other);
    listeners.off("serverCapabilities", always);
    listeners.off("serverCapabilities", once);
    listeners.off("serverCapabilities", () => undefined);
    listeners.off("heartbeatInterval", other);
    listeners.observe({ type: "serverCapabilities", mask: 1n });
    expect(seen).toEqual(["other"]);
  });

  test("of several events are removed from one and stay with the other", () => {
    const { listeners } = listening();
    const seen: unknown[] = [];
    const both = (value: unknown): void => void seen.push(value);
    listeners.on("serverCapabilities", both);
    listeners.on("heartbeatInterval", both);
    listeners.off("serverCapabilities", both);
    listeners.observe({ type: "serverCapabilities", mask: 1n });
    listeners.observe({ type: "heartbeatInterval", intervalMs: 2 });
    expect(seen).toEqual([2]);
  });

  test("that are added or removed during an event take effect from the next one on", () => {
    const { listeners } = listening();
    const seen: string[] = [];
    const second = (): void => void seen.push("second");
    listeners.on("serverCapabilities", () => {
      seen.push("first");
      listeners.off("serverCapabilities", second);
      listeners.once("serverCapabilities", () => void seen.push("third"));
    });
    listeners.on("serverCapabilities", second);
    listeners.observe({ type: "serverCapabilities", mask: 1n });
    expect(seen.filter((name) => name === "third")).toEqual([]);
    listeners.observe({ type: "serverCapabilities", mask: 2n });
    expect(seen.filter((name) => name === "third")).toEqual(["third"]);
    expect(seen.slice(2)).not.toContain("second");
  });

  for (const wrong of [undefined, null, "listener", {}]) {
    test(`of ${JSON.stringify(wrong) ?? "nothing"} are refused`, () => {
      const { listeners } = listening();
      const listener = wrong as unknown as OpAMPClientEvents["phase"];
      for (const call of ["on", "once"] as const) {
        expect(refusal(() => listeners[call]("phase", listener))).toMatchObject({
          code: "ERR_OPAMP_OPTION",
          message: expect.stringMatching(/^listener: must be a function, not /),
        });
      }
    });
  }
});

describe("a listener that fails", () => {
  test("at once or later is named with its event, and the others are called", async () => {
    const { listeners, failures } = listening();
    const cause = new Error("bad listener");
    const seen: unknown[] = [];
    const fails = (): never => {
      throw cause;
    };
    listeners.on("serverCapabilities", fails);
    listeners.on("heartbeatInterval", fails);
    listeners.on("serverCapabilities", async () => fails());
    listeners.on("serverCapabilities", (mask) => void seen.push(mask));
    listeners.observe({ type: "serverCapabilities", mask: 1n });
    listeners.observe({ type: "heartbeatInterval", intervalMs: 2 });
    expect(seen).toEqual([new Set(["acceptsStatus"])]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures.sort()).toEqual([
      ["heartbeatInterval", cause],
      ["serverCapabilities", cause],
      ["serverCapabilities", cause],
    ]);
  });

  test("is an error event with its cause", async () => {
    const { client, clock, escaped } = await hosted();
    const errors: OpAMPError[] = [];
    const cause = new Error("bad listener");
    client.on("error", (error) => void errors.push(error));
    client.once("phase", () => {
      throw cause;
    });
    client.once("serverCapabilities", () => Promise.reject(cause));
    client.start();
    await clock.advance(0);
    expect(errors).toMatchObject([
      { code: "ERR_OPAMP_HANDLER", message: 'a listener of "phase" failed: bad listener', cause },
      { code: "ERR_OPAMP_HANDLER", message: 'a listener of "serverCapabilities" failed: bad listener', cause },
    ]);
    expect([client.phase, escaped]).toEqual(["online", []]);
  });

  test("of errors does not get its own failure, even if it listens to everything", async () => {
    const { client, clock, escaped } = await hosted();
    let calls = 0;
    const fails = async (): Promise<void> => {
      calls += 1;
      throw new Error("bad listener");
    };
    client.on("phase", fails);
    client.on("error", fails);
    client.start();
    await clock.advance(0);
    // Three phases, and an error for each.
    expect(calls).toBe(6);
    expect([client.phase, escaped]).toEqual(["online", []]);
  });
});
