import fc from "fast-check";
import { type CapabilityName, maskOf } from "../../../src/core/capabilities.js";
import type { PingSetting } from "../../../src/core/link/keepalive.js";
import type { PartName } from "../../../src/core/parts.js";

/** What a walk begins with. */
export interface World {
  /** Which kinds of link there are: one of the two, or now this and now that. */
  links: "duplex" | "polling" | "both";
  ping: PingSetting;
  fullReports: boolean;
  wantsUid: boolean;
  heartbeatMs: number;
  holdMs: number;
  seed: number;
  /**
   * The server answers every message within the time in which answers are told apart, and says nothing unasked.
   * Otherwise it does what it likes, but notices gaps in the numbers (STATUS-07).
   */
  strict: boolean;
  /** Whether an offer has to be stored before its handler runs. */
  storedFirst: boolean;
}

/** What the server says besides yes or no. */
export interface Extras {
  offer?: number;
  offerWithoutConfig?: boolean;
  flags?: number;
  newUid?: number;
  heartbeatSeconds?: number;
  capabilities?: number;
  customCapabilities?: readonly number[];
  command?: boolean;
}

/** The parts that a host sets. */
export type HostPart = Exclude<PartName, "effectiveConfig" | "remoteConfigStatus">;

export type Throttle = "no" | "open" | number;

export type Action =
  | { do: "wait"; ms: number }
  /** Time passes, and nobody can do anything meanwhile. */
  | { do: "sleep"; ms: number }
  /** Somebody sets the wall clock. */
  | { do: "jump" }
  /** Value 3 takes the part out of reports. */
  | { do: "set"; part: HostPart; value: number }
  | { do: "declare"; without: readonly CapabilityName[] }
  | { do: "refresh" }
  /** Value 3 is a config that could not be had. */
  | { do: "provide"; value: number }
  | { do: "custom"; capability: number }
  | { do: "forget"; capability: number }
  | { do: "handled"; fails: boolean; late: number }
  | { do: "retry" }
  /** The store comes back from saving the oldest change. */
  | { do: "stored"; fails: boolean }
  | { do: "reconnect" }
  | { do: "stop"; withinMs: number }
  | { do: "open"; duplex: boolean }
  /** From now on no ping is answered on this link. */
  | { do: "freeze" }
  | { do: "alive" }
  | {
      do: "lose";
      fate: "unsent" | "unknown" | "refused";
      orderly: boolean;
      throttle: Throttle;
      arrived: number;
      renewed?: "credentials" | "transport" | undefined;
    }
  | { do: "stale"; arrived: boolean }
  | { do: "answer"; extras: Extras }
  | { do: "refuse"; type: number }
  | { do: "busy"; throttle: Throttle }
  | { do: "push"; extras: Extras }
  | { do: "foreign" }
  | { do: "skip" }
  | { do: "garble" }
  | { do: "limit"; parts: number };

export const customNames = ["com.example.a", "com.example.b", "com.example.c"] as const;
export const everything = [
  "acceptsRemoteConfig",
  "reportsEffectiveConfig",
  "reportsPackageStatuses",
  "acceptsRestartCommand",
  "reportsHealth",
  "reportsRemoteConfig",
  "reportsHeartbeat",
  "reportsAvailableComponents",
  "reportsConnectionSettingsStatus",
] as const satisfies readonly CapabilityName[];

/** The mask of everything but these. */
export function maskWithout(names: readonly CapabilityName[]): bigint {
  return maskOf(everything.filter((name) => !names.includes(name)));
}

export const worlds: fc.Arbitrary<World> = fc.record({
  links: fc.constantFrom("duplex", "polling", "both"),
  ping: fc.constantFrom<PingSetting>(false, { intervalMs: undefined }, { intervalMs: 10_000 }),
  fullReports: fc.boolean(),
  wantsUid: fc.boolean(),
  heartbeatMs: fc.constantFrom(2_000, 30_000, 300_000),
  holdMs: fc.constantFrom(1, 5_000, 60_000),
  seed: fc.nat(),
  strict: fc.boolean(),
  storedFirst: fc.boolean(),
});

const settable = [
  "agentDescription",
  "health",
  "packageStatuses",
  "customCapabilities",
  "availableComponents",
  "connectionSettingsStatus",
] as const satisfies readonly HostPart[];
const index = fc.nat({ max: 2 });
const throttle: fc.Arbitrary<Throttle> = fc.oneof(
  { weight: 2, arbitrary: fc.constant("no" as const) },
  { weight: 1, arbitrary: fc.constant("open" as const) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 1_500, 90_000, 1e15, Number.POSITIVE_INFINITY) },
);

const heartbeatSeconds = fc.constantFrom(0, 1, 20, 1e9);
const capabilities = fc.constantFrom(0, 1, 0x7, 0x17);
const extras: fc.Arbitrary<Extras> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 4, arbitrary: fc.record({ offer: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ customCapabilities: fc.subarray([0, 1, 2]) }) },
  { weight: 1, arbitrary: fc.record({ flags: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ newUid: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ heartbeatSeconds }) },
  { weight: 1, arbitrary: fc.record({ capabilities }) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        offer: fc.nat({ max: 3 }),
        offerWithoutConfig: fc.constant(true),
        flags: fc.nat({ max: 3 }),
        newUid: fc.nat({ max: 3 }),
        heartbeatSeconds,
        capabilities,
        customCapabilities: fc.subarray([0, 1, 2]),
        command: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  },
);

function weigh<T extends Action>(weight: number, arbitrary: fc.Arbitrary<T>): fc.WeightedArbitrary<Action> {
  return { weight, arbitrary };
}

/** Something happens. Stops are rare, since nothing happens after them. */
export const actions: fc.Arbitrary<Action> = fc.oneof(
  weigh(
    12,
    fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 400, 2_000, 6_000, 31_000, 120_000) }),
  ),
  weigh(
    14,
    fc.record({ do: fc.constant("set" as const), part: fc.constantFrom(...settable), value: fc.nat({ max: 3 }) }),
  ),
  weigh(1, fc.record({ do: fc.constant("declare" as const), without: fc.subarray([...everything], { maxLength: 3 }) })),
  weigh(2, fc.constant<Action>({ do: "refresh" })),
  weigh(4, fc.record({ do: fc.constant("provide" as const), value: fc.nat({ max: 3 }) })),
  weigh(6, fc.record({ do: fc.constant("custom" as const), capability: index })),
  weigh(1, fc.record({ do: fc.constant("forget" as const), capability: index })),
  weigh(5, fc.record({ do: fc.constant("handled" as const), fails: fc.boolean(), late: fc.nat({ max: 3 }) })),
  weigh(1, fc.constant<Action>({ do: "retry" })),
  weigh(8, fc.record({ do: fc.constant("stored" as const), fails: fc.boolean() })),
  weigh(2, fc.constant<Action>({ do: "reconnect" })),
  weigh(1, fc.record({ do: fc.constant("sleep" as const), ms: fc.constantFrom(3_000, 100_000, 10_000_000) })),
  weigh(1, fc.constant<Action>({ do: "jump" })),
  weigh(1, fc.constant<Action>({ do: "freeze" })),
  weigh(1, fc.constant<Action>({ do: "alive" })),
  weigh(30, fc.record({ do: fc.constant("open" as const), duplex: fc.boolean() })),
  weigh(
    4,
    fc.record({
      do: fc.constant("lose" as const),
      fate: fc.constantFrom("unsent" as const, "unknown" as const, "refused" as const),
      orderly: fc.boolean(),
      throttle,
      arrived: fc.nat({ max: 5 }),
      renewed: fc.constantFrom(undefined, undefined, "credentials" as const, "transport" as const),
    }),
  ),
  weigh(2, fc.record({ do: fc.constant("stale" as const), arrived: fc.boolean() })),
  weigh(30, fc.record({ do: fc.constant("answer" as const), extras })),
  weigh(2, fc.record({ do: fc.constant("refuse" as const), type: fc.constantFrom(0, 1, 7) })),
  weigh(2, fc.record({ do: fc.constant("busy" as const), throttle })),
  weigh(4, fc.record({ do: fc.constant("push" as const), extras })),
  weigh(1, fc.constant<Action>({ do: "foreign" })),
  weigh(1, fc.constant<Action>({ do: "skip" })),
  weigh(1, fc.constant<Action>({ do: "garble" })),
  weigh(
    2,
    fc.record({ do: fc.constant("limit" as const), parts: fc.constantFrom(-1, 0, 1, 2, 100, 100, 100, 100, 100) }),
  ),
);

/** The last thing to happen, if it does. */
export const ends: fc.Arbitrary<readonly Action[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc
      .record({ do: fc.constant("stop" as const), withinMs: fc.constantFrom(0, 1, 1_000) })
      .map((stop): readonly Action[] => [stop]),
  },
);
