import { failureText } from "../../connection-settings/final-failure.js";
import { isOther, type PartSettings } from "../../connection-settings/part-settings.js";
import { type PartGround, readOther, readTelemetry } from "../../connection-settings/read-part-offer.js";
import { refused } from "../../connection-settings/refusal.js";
import { samePlain } from "../../connection-settings/snapshot.js";
import type { ConnectionSettingsOffers } from "../../gen/opamp/v1/opamp_pb.js";
import { keyOf, type PartKind, partKindNames } from "../settings/part-kinds.js";

/** One connection besides the agent's own. */
export interface Part {
  readonly kind: PartKind;
  /** Where there are several of its kind. */
  readonly name: string | undefined;
  /** What was applied last. */
  accepted: PartSettings | undefined;
  /** Whether that is certain to be in force: nothing was tried since that did not end well. */
  isInForce: boolean;
}

/** What is to be done for one connection. */
export interface PartTask {
  readonly part: Part;
  readonly reason: "offer" | "restart" | "retry";
  /** `undefined` where what was offered cannot be used. */
  readonly settings: PartSettings | undefined;
  /** Why not. */
  readonly problem: string;
}

/** How many connections by a name are kept. */
const MAX_NAMES = 64;

/** Where the connections of an agent are, by their keys. */
export type Parts = ReadonlyMap<string, Part>;

/**
 * What an offer asks for, copied, in the order of the kinds and names: settings that are in force already are left out, and
 * those that may not be are put to use once more.
 */
export function tasksOf(
  offer: ConnectionSettingsOffers,
  parts: Parts,
  isTaken: (kind: PartKind) => boolean,
  ground: PartGround,
): readonly PartTask[] {
  return partKindNames.filter(isTaken).flatMap((kind) => {
    const named = offeredIn(offer, kind);
    const known = [...parts.values()].filter((part) => part.kind === kind && !named.has(part.name));
    const names = new Set([...parts.values()].filter((part) => part.kind === kind).map(({ name }) => name));
    const offered = [...named].sort(byText).map(([name, read]) => taskFor(kind, name, read, parts, names, ground));
    const again = known.filter(({ isInForce }) => !isInForce).map((part) => repeated(part, "retry"));
    return [...offered, ...again].filter((task) => !isDone(task)).sort(byName);
  });
}

/** All that was accepted, for handlers that know nothing yet. */
export function restartTasks(parts: Parts): readonly PartTask[] {
  const order = (task: PartTask): number => partKindNames.indexOf(task.part.kind);
  const tasks = [...parts.values()].map((part) => repeated(part, "restart"));
  return tasks.sort((a, b) => order(a) - order(b) || byName(a, b));
}

type Read = (inForce: PartSettings | undefined, ground: PartGround) => PartSettings;

function offeredIn(offer: ConnectionSettingsOffers, kind: PartKind): ReadonlyMap<string | undefined, Read> {
  if (kind === "other") {
    return new Map(
      Object.entries(offer.otherConnections).map(([name, its]): [string, Read] => [
        name,
        (inForce, ground) => readOther(name, its, inForce && isOther(inForce) ? inForce : undefined, ground),
      ]),
    );
  }
  const its = offer[kind];
  if (its === undefined) return new Map();
  return new Map([
    [undefined, (inForce, ground) => readTelemetry(its, inForce && !isOther(inForce) ? inForce : undefined, ground)],
  ]);
}

/** @param names those in use, the ones that come into use by this offer included */
function taskFor(
  kind: PartKind,
  name: string | undefined,
  read: Read,
  parts: Parts,
  names: Set<string | undefined>,
  ground: PartGround,
): PartTask {
  const part = parts.get(keyOf(kind, name)) ?? { kind, name, accepted: undefined, isInForce: false };
  try {
    const settings = read(part.accepted, ground);
    if (!names.has(name) && names.size >= MAX_NAMES) {
      const hint =
        "offer settings by the names that are in use; another settingsEpoch of the agent forgets all of them";
      throw refused("its name", `is one too many: ${MAX_NAMES} are kept`, hint);
    }
    names.add(name);
    return { part, reason: "offer", settings, problem: "" };
  } catch (cause) {
    return { part, reason: "offer", settings: undefined, problem: failureText(cause) };
  }
}

function repeated(part: Part, reason: "restart" | "retry"): PartTask {
  return { part, reason, settings: part.accepted, problem: "" };
}

function isDone({ part: { isInForce, accepted }, settings }: PartTask): boolean {
  return isInForce && accepted !== undefined && settings !== undefined && samePlain(accepted, settings);
}

function byName({ part: a }: PartTask, { part: b }: PartTask): number {
  return byText([a.name], [b.name]);
}

type Named = readonly [name: string | undefined, ...rest: unknown[]];

function byText([one = ""]: Named, [other = ""]: Named): number {
  return one < other ? -1 : Number(one > other);
}
