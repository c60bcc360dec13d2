import { expect, test } from "vitest";
import { type Clock, OpAMPClient } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, virtualClock } from "../../../src/testing/index.js";

test("a client that is stopped while something is overdue leaves no timer behind", async ({ onTestFinished }) => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const base = virtualClock();
  let aheadMs = 0;
  const timers = new Set<object>();
  const clock: Clock = {
    ...base,
    now: () => base.now() + aheadMs,
    // A machine that is busy: the turn does not end.
    soon: (callback) => void (aheadMs === 0 && base.soon(callback)),
    after(delayMs, callback) {
      const timer = {};
      timers.add(timer);
      const end = base.after(delayMs, () => {
        timers.delete(timer);
        callback();
      });
      return () => {
        timers.delete(timer);
        end();
      };
    },
  };
  const transport = memoryTransport(server);
  const client = new OpAMPClient({ transport, clock, description: { identifying: { "service.name": "late" } } });
  client.start();
  await base.advance(100);
  expect([client.phase, timers.size > 0]).toEqual(["online", true]);
  aheadMs = 1_000_000;
  client.setHealth({ healthy: true });
  const stopped = client.stop({ timeoutMs: 1 });
  transport.drop();
  await base.advance(5_000);
  await stopped;
  expect([client.phase, timers.size]).toEqual(["stopped", 0]);
});
