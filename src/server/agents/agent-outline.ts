import { uidText } from "../../base/bytes.js";
import { has } from "../../core/capabilities.js";
import { type ComponentHealth, PackageStatusEnum } from "../../gen/opamp/v1/opamp_pb.js";
import { quoted } from "../quoted.js";
import type { AgentExchange } from "./agent-exchange.js";
import type { ReportedParts } from "./agent-record.js";
import { configLines, reason, settingsLines, signingLines } from "./offer-outline.js";

const MOST_COMPONENTS = 5;

const PARTS = {
  description: "description",
  health: "health",
  effectiveConfig: "effective config",
  remoteConfigStatus: "remote config status",
  packageStatuses: "package statuses",
  availableComponents: "available components",
  connectionSettingsStatus: "connection settings status",
} as const satisfies Record<keyof ReportedParts, string>;

/** What has been seen of an agent, a line each, for a wait that ends without what it waited for. */
export function agentOutline(exchange: AgentExchange): readonly string[] {
  const { attempts, agents, trouble } = exchange.side.outline();
  const own = exchange.misbehaviours.outline(({ mode }) => `misbehave on message: ${mode}`);
  const { waiting } = exchange;
  const settings = settingsLines(exchange);
  const lines = [
    stateLine(exchange),
    ...(exchange.lastMessage === undefined ? [] : reportLines(exchange)),
    ...configLines(exchange),
    ...settings,
    ...signingLines(exchange),
    ...requestLines(exchange),
    ...(waiting > 0 ? [`waiting for the agent's next message: ${waiting} of the server`] : []),
    ...own.map((line) => `still to come for this agent: ${line}`),
  ];
  const others = agents.filter((state) => state !== agentState(exchange));
  return [
    ...lines,
    // Where settings may move an agent from server to server, which one this is matters.
    ...(exchange.webSocket === undefined || settings.length > 0 ? attempts : []),
    ...(others.length === 0 ? [] : [`other agents: ${others.join(", ")}`]),
    ...trouble,
  ];
}

/** What an agent is called, and whether it is there. */
export function agentState({ uid, webSocket, link, record, lastMessage }: AgentExchange): string {
  const name = `agent ${uidText(uid)}`;
  if (lastMessage === undefined) return `${name} has not said anything`;
  if (record.disconnected) return `${name} has disconnected`;
  if (webSocket !== undefined) return `${name} is connected`;
  return link?.transport === "http" ? `${name} polls over HTTP` : `${name} is not connected`;
}

function stateLine(exchange: AgentExchange): string {
  const { record, uids } = exchange;
  const { sequenceNum, gaps } = record;
  const last = sequenceNum === undefined ? "" : `, last sequence_num ${sequenceNum}`;
  const missing = gaps === 0 ? "" : `, gaps ${gaps}`;
  const former = uids.length === 1 ? "" : `, formerly ${uids.slice(0, -1).map(uidText).join(", ")}`;
  return `${agentState(exchange)}${last}${missing}${former}`;
}

function reportLines({ record: { parts, customCapabilities } }: AgentExchange): readonly string[] {
  const names = Object.entries(PARTS).flatMap(([part, name]) => (Reflect.get(parts, part) === undefined ? [] : [name]));
  const { health, packageStatuses } = parts;
  const packages = Object.entries(packageStatuses?.packages ?? {}).map(
    ([name, { status, errorMessage }]) =>
      `package ${quoted(name)}: ${wordOf(PackageStatusEnum, status)}${reason(errorMessage)}`,
  );
  return [
    `reported: ${names.length === 0 ? "nothing" : names.join(", ")}`,
    ...(health === undefined ? [] : [`health: ${healthWords(health)}`]),
    ...(packageStatuses?.errorMessage ? [`packages: failed${reason(packageStatuses.errorMessage)}`] : []),
    ...packages.slice(0, MOST_COMPONENTS),
    ...(customCapabilities.length === 0 ? [] : [`custom capabilities: ${customCapabilities.map(quoted).join(", ")}`]),
  ];
}

/** What became of custom messages and the restart command. */
function requestLines({ log: { entries }, record }: AgentExchange): readonly string[] {
  const received = entries.flatMap((entry) => (entry.direction === "in" ? [entry.message] : []));
  const sent = entries.flatMap((entry) => (entry.direction === "out" ? [entry.message] : []));
  const came = received.flatMap(({ customMessage: custom }) =>
    custom === undefined ? [] : [`${quoted(custom.capability)} ${quoted(custom.type)}`],
  );
  const asked = new Set(
    sent.flatMap(({ customMessage }) => (customMessage === undefined ? [] : [customMessage.capability])),
  );
  const unknown = [...asked].filter((capability) => !record.customCapabilities.includes(capability));
  const isToRestart = sent.some(({ command }) => command !== undefined);
  return [
    ...(came.length === 0 ? [] : [`custom messages that came: ${came.slice(-MOST_COMPONENTS).join(", ")}`]),
    ...unknown.map((capability) => `a custom message was sent, but the agent has not announced ${quoted(capability)}`),
    ...(isToRestart && !has(record.capabilities, "acceptsRestartCommand")
      ? ["a restart was sent, but the agent does not accept it (no `restart` option)"]
      : []),
  ];
}

function healthWords({ healthy, status, lastError, componentHealthMap }: ComponentHealth): string {
  const ill = Object.entries(componentHealthMap).filter(([, inner]) => !inner.healthy);
  const components = ill.slice(0, MOST_COMPONENTS).map(([name, inner]) => `; ${quoted(name)} ${healthWords(inner)}`);
  const more = ill.length > components.length ? `; ${ill.length - components.length} more` : "";
  const word = status === "" ? "" : `, status ${quoted(status)}`;
  return `${healthy ? "healthy" : "not healthy"}${word}${reason(lastError)}${components.join("")}${more}`;
}

/** `PackageStatusEnum_InstallFailed` as `install failed`. */
function wordOf(names: Readonly<Record<number, string>>, value: number): string {
  const word = names[value]?.split("_").at(-1) ?? String(value);
  return word.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}
