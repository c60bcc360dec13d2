import { parse } from "yaml";
import { uidText } from "../../../src/base/bytes.js";
import { capabilityNames, has } from "../../../src/core/capabilities.js";
import type { AgentToServer, ComponentDetails, ComponentHealth } from "../../../src/proto/index.js";
import type { TlsPeer } from "../../../src/testing/index.js";
import { plainAttributes } from "../../../src/values/plain-attributes.js";
import { POLLING_INTERVAL_MS } from "./collector-config.js";
import { afterRestart, type Headers, hasMap, NEW_UID, type Observation, type Received } from "./collector-run.js";

/** A plain record of what is compared, by topic. Times, ports and uids that differ from run to run are put in words. */
export type View = Readonly<Record<string, unknown>>;

/** Names of the parts of a report, as the schema has them. */
const PARTS = [
  "agentDescription",
  "health",
  "effectiveConfig",
  "remoteConfigStatus",
  "packageStatuses",
  "availableComponents",
  "connectionSettingsStatus",
  "connectionSettingsRequest",
  "customCapabilities",
  "customMessage",
  "agentDisconnect",
] as const satisfies readonly (keyof AgentToServer)[];
/** What belongs to the exchange, and not to the agent. */
const OF_HTTP =
  /^(?:host|connection|upgrade|sec-websocket-.*|accept.*|content-length|content-encoding|transfer-encoding|user-agent)$/;
const FASTEST = 0.8;
const SLOWEST = 4;

/** What a server has learnt of a program. */
export function view(observation: Observation): View {
  const { messages, transport, exitCode } = observation;
  const { start, askedForAll, askedForComponents, offeredHeartbeat, restart } = messages;
  const all = last(askedForAll, ({ agentDescription }) => agentDescription !== undefined);
  const known = knownUids(observation);
  const firstUid = uidText(start[0]?.message.instanceUid ?? new Uint8Array());
  const wholeLife = restart.length > 0;
  return {
    headers: named(headersOf(observation.headers[0]), known),
    ...(observation.tls && { tls: tlsOf(observation.tls) }),
    sequence: sequenceOf(start),
    firstParts: partsOf(start),
    uidVersion: firstUid[14],
    uid: isGiven(observation.file) ? firstUid : "made up",
    description: descriptionOf(all, known),
    capabilities: capabilityNames.filter((name) => has(all?.capabilities ?? 0n, name)),
    health: healthOf(all?.health),
    beforeHealthy: beforeHealthy(start),
    startTime: startTimeOf(all?.health),
    effectiveConfig: effectiveConfigOf(all, observation),
    availableComponents: {
      hash: hex(all?.availableComponents?.hash),
      first: start.some(({ message }) => hasMap(message)) ? "map" : "hash",
      map: mapOf(last(askedForComponents, hasMap)),
    },
    askedForAll: { parts: partsOf(askedForAll), components: all !== undefined && hasMap(all) ? "map" : "hash" },
    askedForComponents: partsOf(askedForComponents),
    ...(wholeLife && {
      heartbeat: {
        parts: partsOf(offeredHeartbeat),
        ...(transport === "ws" ? { messages: offeredHeartbeat.length } : { polls: pollsOf(observation.pollGapsMs) }),
      },
      restart: restartOf(observation, known),
      newUid: newUidOf(observation),
    }),
    end: { ...endOf(messages.end), exitCode },
  };
}

function hasConfig({ effectiveConfig }: AgentToServer): boolean {
  return effectiveConfig !== undefined;
}

function tlsOf({ protocol, serverName, clientCertificate }: TlsPeer): View {
  return { protocol, serverName, client: clientCertificate?.subject };
}

function last(received: readonly Received[], fits: (message: AgentToServer) => boolean): AgentToServer | undefined {
  return received.findLast(({ message }) => fits(message))?.message;
}

function partsOf(received: readonly Received[]): readonly string[] {
  return PARTS.filter((part) => received.some(({ message }) => message[part] !== undefined));
}

function sequenceOf(received: readonly Received[]) {
  const numbers = received.map(({ message }) => Number(message.sequenceNum));
  const [first] = numbers;
  return {
    first,
    gaps: numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1).length,
  };
}

/** The uids that a program had, with words for them. */
function knownUids({ messages }: Observation): ReadonlyMap<string, string> {
  const all = Object.values(messages).flat();
  const uids = new Set(all.map(({ message }) => uidText(message.instanceUid)));
  return new Map([...uids].map((uid) => [uid, uid === NEW_UID ? "the new uid" : "the uid"]));
}

function named(record: Readonly<Record<string, unknown>>, known: ReadonlyMap<string, string>): View {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, known.get(String(value)) ?? value]));
}

function headersOf(headers: Headers = {}): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_HTTP.test(name)));
}

function descriptionOf(message: AgentToServer | undefined, known: ReadonlyMap<string, string>): View {
  const { identifyingAttributes = [], nonIdentifyingAttributes = [] } = message?.agentDescription ?? {};
  return {
    identifying: named(plainAttributes(identifyingAttributes), known),
    nonIdentifying: named(plainAttributes(nonIdentifyingAttributes), known),
    order: [...identifyingAttributes, ...nonIdentifyingAttributes].map(({ key }) => key),
  };
}

/** The tree without its times. */
function healthOf(health: ComponentHealth | undefined): View | undefined {
  if (health === undefined) return undefined;
  const { healthy, status, lastError, componentHealthMap } = health;
  const inside = Object.entries(componentHealthMap).map(([name, inner]) => [name, healthOf(inner)]);
  return {
    healthy,
    status,
    lastError,
    isTimed: health.statusTimeUnixNano > 0n,
    components: Object.fromEntries(inside),
  };
}

/** Whether nothing but the start itself showed before all was well; how much of that is seen is a matter of luck. */
function beforeHealthy(start: readonly Received[]): string | readonly string[] {
  const healths = start.flatMap(({ message: { health } }) => (health === undefined || health.healthy ? [] : [health]));
  const statuses = healths.map(({ status }) => status);
  return statuses.every((status) => status === "" || status === "StatusStarting") ? "at most starting" : statuses;
}

function startTimeOf(health: ComponentHealth | undefined): string | undefined {
  if (health === undefined) return undefined;
  const { startTimeUnixNano: start, statusTimeUnixNano: status } = health;
  if (start === 0n) return "none";
  return start < status ? "before the status" : "the time of the status";
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString("hex");
}

function mapOf(message: AgentToServer | undefined): View {
  return detailsOf(message?.availableComponents?.components ?? {});
}

function detailsOf(components: Readonly<Record<string, ComponentDetails>>): View {
  const entries = Object.entries(components).map(([name, { metadata, subComponentMap }]) => {
    return [name, { metadata: { ...plainAttributes(metadata) }, inside: detailsOf(subComponentMap) }];
  });
  return Object.fromEntries(entries);
}

/** For each file what is reported for every value of the file that both were given, and whether there is more. */
function effectiveConfigOf(
  message: AgentToServer | undefined,
  { file, endpoint }: Pick<Observation, "file" | "endpoint">,
): View | undefined {
  if (message?.effectiveConfig === undefined) return undefined;
  const files = Object.entries(message.effectiveConfig.configMap?.configMap ?? {});
  const entries = files.map(([name, { body, contentType }]) => {
    const reported = leavesOf(parse(Buffer.from(body).toString().replaceAll(endpoint, "ENDPOINT")));
    const given = Object.entries(leavesOf(file));
    const values = given.map(([path, value]) => [path, isFilled(value, path, reported) ? null : reported[path]]);
    const more = Object.keys(reported).filter((path) => !given.some(([one]) => one === path));
    return [`entry ${JSON.stringify(name)}`, { contentType, values: Object.fromEntries(values), more: topsOf(more) }];
  });
  return Object.fromEntries(entries);
}

/** The values at the ends of a tree, by the way to them; an empty record is nothing, and so is a line break at the end. */
function leavesOf(value: unknown, path = ""): Record<string, unknown> {
  if (value === null || (typeof value === "object" && Object.keys(value).length === 0 && !Array.isArray(value))) {
    return { [path]: null };
  }
  if (typeof value === "string") return { [path]: value.trimEnd() };
  if (typeof value !== "object" || Array.isArray(value)) return { [path]: value };
  const inside = Object.entries(value).map(([key, inner]) => leavesOf(inner, path === "" ? key : `${path}>${key}`));
  return Object.assign({}, ...inside) as Record<string, unknown>;
}

/** Whether there are defaults in the place of nothing. */
function isFilled(given: unknown, path: string, reported: Readonly<Record<string, unknown>>): boolean {
  return given === null && Object.keys(reported).some((one) => one.startsWith(`${path}>`));
}

function topsOf(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map((path) => path.replace(/>.*/, "")))].sort();
}

/** On the whole: a busy machine delays some. */
function pollsOf(gapsMs: readonly number[]): unknown {
  const meanMs = gapsMs.reduce((sum, gapMs) => sum + gapMs, 0) / gapsMs.length;
  const isSteady = meanMs >= POLLING_INTERVAL_MS * FASTEST && meanMs <= POLLING_INTERVAL_MS * SLOWEST;
  return isSteady ? "at the interval" : gapsMs.map(Math.round);
}

function restartOf(
  { messages, transport, fileAtRestart: file, endpoint }: Observation,
  known: ReadonlyMap<string, string>,
): View {
  const { start, restart } = messages;
  const after = afterRestart(restart);
  const [first] = after;
  const uids = [start[0], first].map((received) => uidText(received?.message.instanceUid ?? new Uint8Array()));
  return {
    goodbye: endOf(restart.slice(0, restart.length - after.length)),
    uid: uids[0] === uids[1] ? "the same" : "another",
    connection: transport === "ws" && first?.connection === start[0]?.connection ? "the same" : "another",
    sequence: sequenceOf(after),
    parts: partsOf(after),
    description: descriptionOf(first?.message, known),
    effectiveConfig: effectiveConfigOf(last(after, hasConfig), { file, endpoint }),
    health: healthOf(last(after, ({ health }) => health !== undefined)?.health),
  };
}

function newUidOf({ messages }: Observation): View {
  const { newUid, askedUnderNewUid } = messages;
  const under = newUid.filter(({ message }) => uidText(message.instanceUid) === NEW_UID);
  const asked = last(askedUnderNewUid, ({ agentDescription }) => agentDescription !== undefined);
  const { identifyingAttributes = [] } = asked?.agentDescription ?? {};
  const { "service.instance.id": id } = plainAttributes(identifyingAttributes);
  return {
    saysWithoutBeingAsked: partsOf(under),
    isUsed: uidText(asked?.instanceUid ?? new Uint8Array()) === NEW_UID,
    instanceId: id === NEW_UID ? "the new uid" : "the uid before",
  };
}

/** How a program takes its leave. */
function endOf(received: readonly Received[]): View {
  const all = received.map(({ message }) => message);
  const healths = all.flatMap(({ health }) => (health === undefined ? [] : [health]));
  return {
    lastIsGoodbye: all.at(-1)?.agentDisconnect !== undefined,
    healthy: healths.at(-1)?.healthy,
    stopping: healths.some(({ status }) => status === "StatusStopping") ? "component by component" : "not told",
  };
}

/** Whether the file says what uid the agent has. */
function isGiven({ extensions, service }: Observation["file"]): boolean {
  return "instance_uid" in extensions.opamp || "service.instance.id" in service.telemetry.resource;
}
