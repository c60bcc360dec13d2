import type { Difference } from "./differences.js";

/** Something that `opamp agent` does otherwise than the Collector with its OpAMP extension, on purpose. */
export interface WantedDifference {
  id: string;
  /** What it is about. */
  what: string;
  collector: string;
  ours: string;
  why: string;
  /** Whether a difference that was seen is this one. */
  matches(seen: Difference): boolean;
}

/** The Go client has these in its reports even when there is nothing to say of them. */
const EMPTY_PARTS = ["remoteConfigStatus", "packageStatuses"];
const OWN_SECTIONS = ["available_components", "effective_config", "health", "log", "storage"];

/** All of them, for v0.149.0; a test compares the two, and fails for any other difference, and for any here that is none. */
export const wantedDifferences: readonly WantedDifference[] = [
  {
    id: "first-number",
    what: "First `sequence_num`",
    collector: "0",
    ours: "1",
    why: "0 cannot be told from a field that is not set",
    matches: ({ path, collector, ours }) => /(?:^|\/)sequence\/first$/.test(path) && collector === 0 && ours === 1,
  },
  {
    id: "empty-parts",
    what: "Full reports of an agent that takes no configuration and no packages",
    collector: "`remote_config_status` and `package_statuses` are there, and empty",
    ours: "They are left out",
    why: "Nothing is to be said of what the agent does not do",
    matches({ path, collector, ours }) {
      if (!/^(?:firstParts|askedForAll\/parts|restart\/parts)$/.test(path)) return false;
      return (
        isList(collector) &&
        isSame(
          collector.filter((part) => !EMPTY_PARTS.includes(part)),
          ours,
        )
      );
    },
  },
  {
    id: "map-unasked",
    what: "Answer to `ReportFullState`",
    collector: "All available components with it",
    ours: "Their hash; the components when `ReportAvailableComponents` asks for them",
    why: "The list is long, and seldom another one",
    matches: ({ path, collector, ours }) => path === "askedForAll/components" && collector === "map" && ours === "hash",
  },
  {
    id: "start-time",
    what: "`start_time_unix_nano` of the health",
    collector: "The time of the status",
    ours: "When the agent started",
    why: "A server can tell for how long the agent has been running",
    matches: ({ path, collector, ours }) =>
      path === "startTime" && collector === "the time of the status" && ours === "before the status",
  },
  {
    id: "own-name",
    what: "`service.name` and `service.version` where the resource has none",
    collector: "Name and version of the Collector's build",
    ours: "`opamp-agent` and its version; no version where only a name is given",
    why: "It is another program, and its version is not that of the program it speaks for",
    matches: ({ path, collector, ours }) =>
      (path === "description/identifying/service.name" && ours === "opamp-agent") ||
      (path === "description/identifying/service.version" && collector === "0.149.0") ||
      (path === "description/order" &&
        isList(collector) &&
        isSame(
          collector.filter((key) => key !== "service.version"),
          ours,
        )),
  },
  {
    id: "uid-version",
    what: "An instance uid that nobody gave",
    collector: "A UUID version 4, made for the resource",
    ours: "A UUID version 7",
    why: "OpAMP recommends it, and databases sort it by time",
    matches: ({ path, collector, ours }) => path === "uidVersion" && collector === "4" && ours === "7",
  },
  {
    id: "uid-kept",
    what: "That uid after a restart",
    collector: "Another one, so that the server sees a new agent",
    ours: "The same, from the store",
    why: "An agent that restarts is still the same agent",
    matches: ({ path, collector, ours }) => path === "restart/uid" && collector === "another" && ours === "the same",
  },
  {
    id: "new-uid-told",
    what: "A new uid from the server",
    collector: "Used with the next message; `service.instance.id` stays the old one",
    ours: "Used and reported at once, with everything else; `service.instance.id` is the new one",
    why: "The description says who the agent is, and a server knows nothing yet under the new uid",
    matches: ({ path, collector, ours }) =>
      (path === "newUid/instanceId" && ours === "the new uid") ||
      (path === "newUid/saysWithoutBeingAsked" &&
        isSame(collector, []) &&
        isList(ours) &&
        ours.includes("agentDescription")),
  },
  {
    id: "config-as-written",
    what: "Effective config",
    collector: "What became of the file: references resolved, words in the Collector's spelling, all defaults added",
    ours: "The files of the program, as they are, without their secrets",
    why: "Only the program knows its defaults; comments and order stay, and values of variables may be secrets",
    matches: ({ path, collector, ours }) =>
      (/(?:^|\/)effectiveConfig\/.*\/more$/.test(path) &&
        isList(ours) &&
        ours.every((key) => OWN_SECTIONS.includes(key))) ||
      (isReported(path) && isText(collector) && isText(ours) && collector.toLowerCase() === ours.toLowerCase()) ||
      (isReported(path) && isText(ours) && /\$[${]/.test(ours) && collector !== undefined),
  },
  {
    id: "http-endpoint",
    what: "`endpoint`, `headers`, `auth` and `tls` of `server.http` in the effective config",
    collector: "Missing",
    ours: "There; values of headers are `[REDACTED]`",
    why: "They are part of the configuration",
    matches: ({ path, collector, ours }) =>
      isReported(path) &&
      /server>http>(?:endpoint|auth|(?:headers|tls)>.*)$/.test(path) &&
      collector === undefined &&
      ours !== undefined,
  },
  {
    id: "certificates",
    what: "`tls.ca_pem` and `tls.cert_pem` in the effective config",
    collector: "`[REDACTED]`",
    ours: "As they are; `key_pem` is `[REDACTED]`",
    why: "Certificates are public, and worth seeing; keys are not",
    matches: ({ path, collector, ours }) =>
      isReported(path) &&
      /tls>(?:ca|cert)_pem$/.test(path) &&
      collector === "[REDACTED]" &&
      isText(ours) &&
      ours.startsWith("-----BEGIN CERTIFICATE-----"),
  },
  {
    id: "goodbye-http",
    what: "End and restart over HTTP",
    collector: "The polls cease; whether the health at the end is still sent is a matter of luck",
    ours: "A last request with `agent_disconnect` and the health at the end",
    why: "The server need not wait for what does not come",
    matches: ({ path, collector, ours }) =>
      (/(?:^end|goodbye)\/lastIsGoodbye$/.test(path) && collector === false && ours === true) ||
      (/(?:^end|goodbye)\/healthy$/.test(path) && collector === undefined && ours === false),
  },
  {
    id: "stopping",
    what: "Health at the end and before a restart",
    collector: "Not healthy, then StatusStopping and StatusStopped, component by component",
    ours: "Not healthy",
    why: "The agent ends, and the program it speaks for goes on",
    matches: ({ path, collector, ours }) =>
      /(?:^end|goodbye)\/stopping$/.test(path) && collector === "component by component" && ours === "not told",
  },
  {
    id: "no-gate",
    what: "`capabilities.accepts_restart_command`",
    collector: "Needs the feature gate `extension.opampextension.RemoteRestarts`",
    ours: "Needs none",
    why: "There are no feature gates; the key says it all",
    matches: isAccepted("a restart command without the gate"),
  },
  {
    id: "later-keys",
    what: "`capabilities.reports_heartbeat`, `reports_raw_config`, and resource attributes as a list",
    collector: "Refused by v0.149.0; later versions take them",
    ours: "Taken",
    why: "A file for a later version works as well",
    matches: (seen) => isAccepted("keys of later versions")(seen) || isAccepted("a list of attributes")(seen),
  },
  {
    id: "typed-resource",
    what: "Numbers and truth values in `service.telemetry.resource`",
    collector: "Refused where attributes stand by their names",
    ours: "Taken, and reported as what they are",
    why: "Attributes may be of any type",
    matches: isAccepted("a number as resource attribute"),
  },
  {
    id: "without-health",
    what: "`capabilities.reports_health: false`",
    collector: "v0.149.0 never gets beyond the start of its extensions",
    ours: "The agent starts, and reports no health",
    why: "It is what the key is for",
    matches: ({ path, collector, ours }) => path === "speaks/without health" && collector === false && ours === true,
  },
  {
    id: "orphaned",
    what: "`ppid`, when that process is gone",
    collector: "v0.149.0 goes on, as nobody hears of it",
    ours: "The agent reports StatusFatalError, disconnects and exits with exit code 1",
    why: "It is what the key is for",
    matches: ({ path, collector, ours }) => path === "ends/orphaned" && collector === false && ours === true,
  },
  {
    id: "scheme",
    what: "An `http` URL under `server.ws`, or the other way round",
    collector: "Taken; no connection ever succeeds",
    ours: "Refused",
    why: "The mistake shows at the start",
    matches: isRefused("an http URL under ws"),
  },
  {
    id: "ppid-range",
    what: "A `ppid` above 2147483647",
    collector: "Taken",
    ours: "Refused",
    why: "No process has it",
    matches: isRefused("a process id that is too large"),
  },
];

/** The rows of a Markdown table: what, the Collector, `opamp agent`, why. */
export function wantedDifferencesTable(): string {
  const rows = wantedDifferences.map(
    ({ what, collector, ours, why }) => `| ${what} | ${collector} | ${ours} | ${why} |`,
  );
  return ["| | The Collector | `opamp agent` | Why |", "|---|---|---|---|", ...rows].join("\n");
}

/** That we take a configuration which the Collector refuses. */
function isAccepted(title: string): WantedDifference["matches"] {
  return ({ path, collector, ours }) => path === `accepted/${title}` && collector === false && ours === true;
}

/** That we refuse a configuration which the Collector takes. */
function isRefused(title: string): WantedDifference["matches"] {
  return ({ path, collector, ours }) => path === `accepted/${title}` && collector === true && ours === false;
}

/** Whether it is about a value of the file in the effective config. */
function isReported(path: string): boolean {
  return /(?:^|\/)effectiveConfig\/.*\/values\//.test(path);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
