import { type Document, parse, parseDocument } from "yaml";

const SECTIONS = { receivers: "receiver", processors: "processor", exporters: "exporter" } as const;

/**
 * Checks a Collector configuration the way an agent must before it puts one to use.
 *
 * @returns the names of its pipelines
 * @throws Error saying what is wrong, for the server's operator to read
 */
export function pipelinesOf(text: string): string[] {
  const config = section(parsed(text), "the file");
  const pipelines = section(section(config["service"], "service")["pipelines"], "service.pipelines");
  if (Object.keys(pipelines).length === 0) throw new Error("service.pipelines is empty");
  for (const [name, pipeline] of Object.entries(pipelines)) {
    checkPipeline(name, section(pipeline, `pipeline "${name}"`), config);
  }
  return Object.keys(pipelines);
}

/** The same file with another timeout of the batch processor. */
export function withBatchTimeout(text: string, timeout: string): string {
  return edited(text, (file) => file.setIn(["processors", "batch", "timeout"], timeout));
}

/** The same file with one more exporter in the traces pipeline, which nothing defines. */
export function withUndefinedExporter(text: string): string {
  return edited(text, (file) => file.addIn(["service", "pipelines", "traces", "exporters"], "otlphttp/backup"));
}

/** What {@link withUndefinedExporter} lacks. */
export function withBackupExporter(text: string): string {
  return edited(withUndefinedExporter(text), (file) =>
    file.setIn(["exporters", "otlphttp/backup"], { endpoint: "https://backup.example.com:4318" }),
  );
}

/** The lines that only one of two texts has, marked as in a diff. */
export function changedLines(before: string, after: string): string[] {
  const only = (text: string, other: string): string[] => {
    const left = other.split("\n");
    return text.split("\n").filter((line) => {
      const at = left.indexOf(line);
      if (at !== -1) left.splice(at, 1);
      return at === -1;
    });
  };
  return [...only(before, after).map((line) => `- ${line}`), ...only(after, before).map((line) => `+ ${line}`)];
}

function checkPipeline(name: string, pipeline: Record<string, unknown>, config: Record<string, unknown>): void {
  for (const [plural, singular] of Object.entries(SECTIONS)) {
    const used = pipeline[plural] ?? [];
    if (!Array.isArray(used)) throw new Error(`pipeline "${name}": ${plural} must be a list`);
    if (used.length === 0 && plural !== "processors") throw new Error(`pipeline "${name}" has no ${singular}`);
    const defined = section(config[plural] ?? {}, plural);
    // A connector is the exporter of one pipeline and the receiver of another.
    const connectors = plural === "processors" ? {} : section(config["connectors"] ?? {}, "connectors");
    for (const id of used) {
      if (typeof id === "string" && (Object.hasOwn(defined, id) || Object.hasOwn(connectors, id))) continue;
      throw new Error(`pipeline "${name}" uses the ${singular} "${String(id)}", which is not defined`);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // The lines after the first show the place in the file, for terminals.
    const [reason = ""] = String(error instanceof Error ? error.message : error).split("\n");
    throw new Error(`not YAML: ${reason.replace(/:$/, "")}`);
  }
}

function section(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${where} must be a mapping`);
  }
  return { ...value };
}

function edited(text: string, edit: (file: Document) => void): string {
  const file = parseDocument(text);
  edit(file);
  return file.toString({ flowCollectionPadding: false, lineWidth: 0 });
}
