import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import {
  acknowledges,
  Harness,
  type Harness as Link,
  message,
  online,
  polling,
  type Script,
  started,
} from "../harness.js";
import { health } from "../values.js";

const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

function gaps(times: readonly number[]): readonly number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

/** Dials that all fail, for six hours. */
function refused(seed: number): readonly number[] {
  const harness = started({ opens: () => false, config: { seed } });
  harness.advance(6 * 3_600_000);
  return gaps(harness.dialledAt);
}

/** Ends the link in this way many times, and gives the gaps between the dials. */
function repeat(script: Script, spoil: (harness: Link) => void): readonly number[] {
  const harness = new Harness(script);
  harness.feed({ type: "start" });
  for (let time = 0; time < 12; time++) {
    spoil(harness);
    harness.advance(harness.all("phase").at(-1)?.output.inMs ?? 0);
  }
  return gaps(harness.dialledAt);
}

describe("dials that fail", () => {
  verifies("EST-02", "are repeated for ever, further and further apart up to a cap", () => {
    for (const seed of [1, 2, 3]) {
      const waits = refused(seed);
      expect(waits.length).toBeGreaterThan(360);
      for (const [failures, wait] of waits.entries()) {
        expect(wait).toBeGreaterThanOrEqual(1_000);
        expect(wait).toBeLessThanOrEqual([21_000, 50_000][failures] ?? 60_000);
      }
      const late = waits.slice(20);
      expect(late.reduce((sum, wait) => sum + wait, 0) / late.length).toBeGreaterThan(55_000);
    }
  });

  verifies("EST-02", "are soon repeated until a server has answered, since programs often start before theirs", () => {
    for (let seed = 0; seed < 50; seed++) {
      const [first = 0, second = 0] = refused(seed);
      expect(first).toBeGreaterThanOrEqual(1_000);
      expect(first).toBeLessThanOrEqual(4_000);
      expect(first + second).toBeLessThanOrEqual(11_500);
    }
  });

  verifies("EST-02", "are not repeated in step by two agents that began together", () => {
    const [one, two] = [refused(1).slice(0, 20), refused(2).slice(0, 20)];
    expect(one.filter((wait, index) => Math.abs(wait - (two[index] ?? 0)) < 10)).toEqual([]);
  });

  test("say when the next one comes, and why", () => {
    const harness = started({ opens: () => false });
    const { output } = harness.all("phase").at(-1) ?? {};
    expect(output).toMatchObject({
      phase: "waiting",
      previous: "connecting",
      reason: "lost",
      error: new Error("gone"),
    });
    harness.advance(output?.inMs ?? 0);
    expect(harness.dialledAt).toEqual([0, output?.inMs]);
  });
});

describe.each(transports)("a link %s", (_name, script: Script) => {
  verifies("EST-03", "that breaks after it was answered is dialled again at once", () => {
    const harness = online(script);
    harness.advance(15_000);
    harness.lose();
    harness.advance(500);
    expect(harness.dialledAt).toHaveLength(1);
  });

  verifies(["EST-03", "EST-02"], "that breaks and cannot be dialled again is dialled with backoff", () => {
    let reachable = true;
    const harness = online({ ...script, opens: () => reachable });
    reachable = false;
    harness.lose();
    harness.advance(3_600_000);
    const waits = gaps([0, ...harness.dialledAt]);
    expect(waits[0]).toBeLessThanOrEqual(500);
    expect(Math.min(...waits.slice(1))).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeGreaterThan(30_000);
  });

  test("that the server closes in an orderly way is dialled again with backoff", () => {
    const harness = online(script);
    harness.lose({ orderly: true });
    expect(harness.all("phase").at(-1)?.output.inMs).toBeGreaterThanOrEqual(1_000);
  });

  test("that breaks after each dial is not dialled in a loop", () => {
    const waits = repeat(script, (harness) => harness.lose());
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeGreaterThan(15_000);
  });

  test("that breaks after each answer is not dialled in a loop", () => {
    const waits = repeat(script, (harness) => {
      harness.receive({});
      harness.lose();
    });
    expect(waits[0]).toBeLessThanOrEqual(500);
    expect(Math.min(...waits.slice(1))).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeGreaterThan(15_000);
  });

  test("that lasted for a while resets the backoff", () => {
    const waits = repeat({ ...script, answers: acknowledges }, (harness) => {
      harness.advance(11_000);
      harness.lose();
    });
    expect(Math.max(...waits)).toBeLessThanOrEqual(11_500);
  });

  verifies(
    "DUP-02",
    "that reconnects sends agent_disconnect and closes before the next dial, which comes at once",
    () => {
      const harness = online({ ...script, answers: acknowledges });
      harness.feed({ type: "set", parts: { health: health(false) } }, { type: "reconnect" });
      expect(harness.outputs.filter(({ type }) => type !== "phase")).toMatchObject([
        { type: "send", message: { agentDisconnect: {}, health: health(false) } },
        { type: "close", code: 1000 },
        { type: "dial" },
        { type: "send" },
      ]);
      expect([harness.now, harness.core.phase]).toEqual([0, "online"]);
    },
  );

  test("that reconnects is dialled again even if agent_disconnect is not sent, and nothing is lost", () => {
    const harness = online(script);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.core.step({ type: "reconnect" }, harness.now);
    harness.core.step({ type: "tick" }, harness.now);
    const cut = harness.core.step({ type: "tick" }, harness.now + 1_000);
    expect(cut).toMatchObject([
      { type: "close", code: 1006 },
      { type: "phase", phase: "waiting" },
    ]);
    harness.clear();
    harness.advance(1_000);
    expect(harness.last.health).toEqual(health(false));
  });

  test("that is told to reconnect twice in a turn reconnects once", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed({ type: "reconnect" }, { type: "reconnect" });
    expect(harness.dialledAt).toHaveLength(1);
  });

  test("that does not exist ignores a reconnect", () => {
    const idle = new Harness(script);
    idle.feed({ type: "reconnect" });
    expect(idle.outputs).toEqual([]);
    const harness = online(script);
    harness.lose({ orderly: true });
    const before = harness.core.deadline;
    harness.feed({ type: "reconnect" });
    expect([harness.core.phase, harness.core.deadline]).toEqual(["waiting", before]);
  });

  verifies("DUP-01", "is never dialled while another one is live", () => {
    const harness = started({ ...script, answers: acknowledges });
    let live = 0;
    let most = 0;
    for (let time = 0; time < 20; time++) {
      harness.clear();
      if (time % 3 === 0) harness.feed({ type: "reconnect" });
      else {
        live -= 1;
        harness.lose({ orderly: time % 3 === 1 });
      }
      harness.advanceUntil("online");
      for (const { type } of harness.outputs) {
        if (type === "close") live -= 1;
        if (type === "dial") live += 1;
        most = Math.max(most, live);
      }
      expect(live).toBe(0);
    }
    expect(most).toBe(0);
  });
});

describe("an input out of order", () => {
  test("is ignored if it is a second loss, a second opening or a message while disconnected", () => {
    const harness = online();
    harness.lose();
    harness.clear();
    const before = harness.core.deadline;
    harness.lose();
    harness.feed({ type: "opened", duplex: true, wallNow: 0 });
    harness.receive({ flags: 1n, command: {} });
    harness.feed({ type: "malformed", error: new Error("x") });
    expect([harness.outputs, harness.core.deadline, harness.core.phase]).toEqual([[], before, "waiting"]);
  });

  test("is ignored if it is a message before the connection opened", () => {
    const harness = new Harness();
    harness.core.step({ type: "start" }, 0);
    expect(harness.core.step({ type: "received", message: message({ capabilities: 1n, flags: 1n }) }, 0)).toEqual([]);
    expect(harness.core.phase).toBe("connecting");
  });

  test("is ignored if it is a second start", () => {
    const harness = online({ answers: acknowledges });
    harness.feed({ type: "start" });
    expect([harness.outputs, harness.core.phase]).toEqual([[], "online"]);
  });

  test("is reported and ignored if it is garbage on a duplex connection", () => {
    const harness = online();
    harness.feed({ type: "malformed", error: "x" });
    expect([harness.notices, harness.core.phase]).toEqual([[{ kind: "malformed", error: "x" }], "online"]);
  });
});
