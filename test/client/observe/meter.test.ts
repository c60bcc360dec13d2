import { describe, expect, test } from "vitest";
import { type MeterLike, OpAMPError } from "../../../src/index.js";
import { ended, hosted, running } from "../hosted.js";

/** The parts of OpenTelemetry's API that matter here, in its own words. */
interface MetricOptions {
  description?: string;
  unit?: string;
  valueType?: number;
  advice?: { explicitBucketBoundaries?: number[] };
}
type MetricAttributeValue = string | number | boolean | string[] | number[] | boolean[] | undefined;
interface MetricAttributes {
  [key: string]: MetricAttributeValue;
}
interface Counter<A extends MetricAttributes = MetricAttributes> {
  add(value: number, attributes?: A, context?: object): void;
}
interface Histogram<A extends MetricAttributes = MetricAttributes> {
  record(value: number, attributes?: A, context?: object): void;
}
interface Meter {
  createHistogram<A extends MetricAttributes = MetricAttributes>(name: string, options?: MetricOptions): Histogram<A>;
  createCounter<A extends MetricAttributes = MetricAttributes>(name: string, options?: MetricOptions): Counter<A>;
  createUpDownCounter<A extends MetricAttributes = MetricAttributes>(name: string, options?: MetricOptions): Counter<A>;
}

/** A meter that remembers sums by instrument and attributes, and each value of a histogram. */
class RememberingMeter implements Meter {
  readonly sums = new Map<string, number>();
  readonly values: [string, number][] = [];
  readonly created: [string, MetricOptions | undefined][] = [];

  createCounter(name: string, options?: MetricOptions): Counter {
    return this.#counter(name, options);
  }

  createUpDownCounter(name: string, options?: MetricOptions): Counter {
    return this.#counter(name, options);
  }

  createHistogram(name: string, options?: MetricOptions): Histogram {
    this.created.push([name, options]);
    return { record: (value, attributes) => void this.values.push([keyOf(name, attributes), value]) };
  }

  #counter(name: string, options?: MetricOptions): Counter {
    this.created.push([name, options]);
    return {
      add: (value, attributes) => {
        const key = keyOf(name, attributes);
        this.sums.set(key, (this.sums.get(key) ?? 0) + value);
      },
    };
  }
}

function keyOf(name: string, attributes: MetricAttributes = {}): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return [name.replace(/^opamp\.client\./, ""), ...pairs].join(" ");
}

describe("a meter", () => {
  test("is given messages, sizes, connections, failures, pauses, phases and durations", async () => {
    const meter = new RememberingMeter();
    const host = await hosted({
      meter,
      remoteConfig: { apply: () => new Promise((resolve) => void host.clock.after(250, resolve)) },
    });
    const { client, clock, transport, agent } = host;
    transport.refuse(2);
    client.start();
    await clock.advance(80_000);
    agent.offerConfig({}, { hash: Uint8Array.of(1) });
    await clock.advance(300);
    agent.respondWithError(2, "busy", 5_000_000_000n);
    client.setHealth({ healthy: true });
    await clock.advance(100);
    const stats = client.stats();
    const sums = Object.fromEntries(meter.sums);
    expect(sums).toMatchObject({
      "messages.sent opamp.transport=memory": stats.messagesSent,
      "messages.received opamp.transport=memory": stats.messagesReceived,
      "bytes.sent opamp.transport=memory": stats.bytesSent,
      "bytes.received opamp.transport=memory": stats.bytesReceived,
      "connections opamp.transport=memory": 1,
      "connect.failures opamp.transport=memory error.type=ERR_OPAMP_CONNECT": 2,
      "failures error.type=ERR_OPAMP_CONNECT": 2,
      pauses: 1,
      "phase opamp.phase=waiting": 1,
      "phase opamp.phase=online": 0,
      "phase opamp.phase=connecting": 0,
    });
    expect(meter.values).toEqual([["apply.duration opamp.offer.kind=remoteConfig opamp.offer.status=applied", 0.25]]);
    expect(meter.created.every(([, options]) => options?.unit !== undefined && options.description !== undefined)).toBe(
      true,
    );
  });

  test("is left with no client in any phase when all have stopped", async () => {
    const meter = new RememberingMeter();
    const one = await running({ meter });
    const two = await running({ meter });
    expect(meter.sums.get("phase opamp.phase=online")).toBe(2);
    await ended(one.client, one.clock);
    await ended(two.client, two.clock);
    const phases = [...meter.sums].filter(([key]) => key.startsWith("phase"));
    expect(phases.length).toBeGreaterThan(3);
    expect(phases.every(([, clients]) => clients === 0)).toBe(true);
  });

  test("is asked for each instrument once, however many clients share it", async () => {
    const meter = new RememberingMeter();
    await running({ meter });
    await running({ meter });
    const names = meter.created.map(([name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => name.startsWith("opamp.client."))).toBe(true);
  });

  test("is accepted with counters only", async () => {
    const meter = new RememberingMeter();
    const { client } = await running({ meter: { createCounter: meter.createCounter.bind(meter) } });
    expect(client.phase).toBe("online");
    expect(meter.sums.get("messages.sent opamp.transport=memory")).toBe(1);
  });

  const fails = (): never => {
    throw new Error("bad meter");
  };
  const failing: readonly [string, MeterLike][] = [
    ["when it is asked for an instrument", { createCounter: fails }],
    ["when it is added to", { createCounter: () => ({ add: fails }) }],
    ["and gives nothing", { createCounter: () => undefined as never }],
  ];
  for (const [when, meter] of failing) {
    test(`that fails ${when} is reported once and affects nothing else`, async () => {
      const { client, clock, errors, escaped } = await running({ meter });
      await clock.advance(100_000);
      expect(client.phase).toBe("online");
      expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
      expect(escaped).toEqual([]);
    });
  }

  test("is refused if it is not a meter", async () => {
    for (const meter of [1, {}, { createCounter: 1 }]) {
      await expect(hosted({ meter } as object)).rejects.toBeInstanceOf(OpAMPError);
    }
  });
});
