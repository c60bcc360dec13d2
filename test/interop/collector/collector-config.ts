import { join } from "node:path";
import { stringify } from "yaml";
import type { TransportName } from "../fixture.js";

type Section = Readonly<Record<string, unknown>>;

/** Components of health by their names, as the file of the agent has them. */
export type HealthTree = Readonly<Record<string, { command?: string[]; components?: HealthTree }>>;

/** What a case changes in the file that both programs are given. */
export interface FileChanges {
  /** Keys of `extensions.opamp`, besides `server`. */
  opamp?: Section;
  /** Keys of `extensions.opamp.server.ws` or `.http`, besides the endpoint. */
  server?: Section;
  /** Further extensions. */
  extensions?: Section;
  resource?: Section;
}

const POLLING_INTERVAL = "200ms";
export const POLLING_INTERVAL_MS = 200;
const RESOURCE = { "service.name": "interop", "service.version": "1.2.3", team: "blue" };
const PIPELINES = {
  traces: { receivers: ["nop"], exporters: ["nop"] },
  logs: { receivers: ["otlp"], exporters: ["nop", "debug"] },
};
const CORE = "go.opentelemetry.io/collector";
const CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib/extension";
const VERSION = "v0.149.0";

/** A Collector's whole file. */
export function collectorFile(transport: TransportName, endpoint: string, changes: FileChanges = {}) {
  const { opamp = {}, server = {}, extensions = {}, resource = RESOURCE } = changes;
  const polling = transport === "http" ? { polling_interval: POLLING_INTERVAL } : {};
  return {
    extensions: { opamp: { server: { [transport]: { endpoint, ...polling, ...server } }, ...opamp }, ...extensions },
    receivers: { nop: {}, otlp: { protocols: { grpc: { endpoint: "127.0.0.1:0" } } } },
    exporters: { nop: {}, debug: {} },
    service: {
      extensions: [...Object.keys(extensions), "opamp"],
      pipelines: PIPELINES,
      telemetry: { metrics: { level: "none" }, resource },
    },
  };
}

/** What `opamp agent` has to be told besides, as it is not the Collector itself. */
export function agentSections(file: ReturnType<typeof collectorFile>, folder: string, path: string) {
  return {
    storage: { directory: join(folder, "state") },
    effective_config: { files: { "": path } },
    health: { interval: "1h", components: healthOf(file) },
    available_components: {
      receivers: { nop: `${CORE}/receiver/nopreceiver ${VERSION}`, otlp: `${CORE}/receiver/otlpreceiver ${VERSION}` },
      exporters: { nop: `${CORE}/exporter/nopexporter ${VERSION}`, debug: `${CORE}/exporter/debugexporter ${VERSION}` },
      extensions: Object.fromEntries(
        ["opamp", "bearertokenauth", "basicauth"].map((type) => [type, `${CONTRIB}/${type}extension ${VERSION}`]),
      ),
    },
    log: { level: "debug" },
  };
}

/** Every pipeline and the extensions of a file with their components, which are all well. */
export function healthOf({ service: { extensions } }: ReturnType<typeof collectorFile>): HealthTree {
  const well = { command: ["true"] };
  const all = (names: readonly string[]) => ({ components: Object.fromEntries(names.map((name) => [name, well])) });
  const pipelines = Object.entries(PIPELINES).map(([name, { receivers, exporters }]) => {
    const components = [...receivers.map((type) => `receiver:${type}`), ...exporters.map((type) => `exporter:${type}`)];
    return [`pipeline:${name}`, all(components)];
  });
  return { ...Object.fromEntries(pipelines), extensions: all(extensions.map((type) => `extension:${type}`)) };
}

/** A file as text. */
export function toYaml(file: object): string {
  return stringify(file);
}
