import { describe, expect, onTestFinished, test } from "vitest";
import { OpAMPClient, OpAMPError } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import type { Loss, Sink, Transport } from "../../../src/transport/transport.js";
import { ended } from "../hosted.js";

const LOSS: Loss = {
  error: new OpAMPError("ERR_OPAMP_CLOSED", "gone"),
  fate: "unknown",
  orderly: true,
  throttled: false,
};

/** A client over a transport whose sinks the test calls. */
function dialling() {
  const sinks: Sink[] = [];
  const transport: Transport = {
    name: "held",
    duplex: true,
    open: (sink) => void sinks.push(sink),
    send: () => undefined,
    ping: () => undefined,
    close: () => undefined,
  };
  const clock = virtualClock();
  const client = new OpAMPClient({ transport, clock, description: { identifying: { "service.name": "agent" } } });
  onTestFinished(() => ended(client, clock));
  client.start();
  const dial = async (): Promise<Sink> => {
    await clock.advance(21_000);
    const sink = sinks.at(-1);
    if (sink === undefined) throw new Error("nothing was dialled");
    sink.opened();
    await clock.advance(0);
    return sink;
  };
  return { client, clock, sinks, dial };
}

describe("what the sink of an earlier dial reports", () => {
  test.each<[string, (older: Sink) => void]>([
    ["a loss", (older) => older.lost(LOSS)],
    ["an opening", (older) => older.opened()],
    ["a payload", (older) => older.payload(new Uint8Array())],
    ["what is not a message", (older) => older.malformed(LOSS.error)],
  ])("%s is not heard", async (_, report) => {
    const { client, clock, sinks, dial } = dialling();
    const older = sinks[0];
    if (older === undefined) throw new Error("nothing was dialled");
    older.opened();
    older.lost(LOSS);
    expect(client.phase).toBe("waiting");
    await dial();
    expect([client.phase, sinks.length]).toEqual(["reporting", 2]);
    const before = client.stats();
    report(older);
    await clock.advance(0);
    expect([client.phase, sinks.length, client.stats()]).toEqual(["reporting", 2, before]);
  });

  test("does not keep the loss of the present one from being heard", async () => {
    const { client, sinks, dial } = dialling();
    sinks[0]?.opened();
    sinks[0]?.lost(LOSS);
    const present = await dial();
    sinks[0]?.lost(LOSS);
    present.lost(LOSS);
    expect(client.phase).toBe("waiting");
  });
});
