import { nearest } from "../../base/nearest.js";
import type { AttributeValue } from "../../values/attributes.js";
import { componentId } from "../auth/auth-extension.js";
import { configSource } from "../reader/config-source.js";
import { Reading } from "../reader/reading.js";
import { SectionReader } from "../reader/section-reader.js";
import { CONNECTION_SECTION, readConnectionSettings } from "./connection-keys.js";
import { elsewhereKeys, refuseSupervisor, type Surface } from "./elsewhere-keys.js";
import { readBlock, uidOf } from "./extension-block.js";
import type { ExtensionConfig } from "./extension-config.js";

/** How a configuration is opened. */
export interface ConfigOptions {
  /** What `${env:X}` refers to. Default `process.env`. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told, once for each, of what is odd but not wrong: a variable that is not set. Default: nobody is. */
  onWarning?: ((text: string) => void) | undefined;
}

/** How the extension's configuration is read. */
export interface ReadOptions extends ConfigOptions {
  /** Further keys at the top that somebody else reads. Default: none. */
  ignore?: readonly string[] | undefined;
  /** Default `process.platform`. */
  platform?: NodeJS.Platform | undefined;
  /** Whether the program has a way of its own to restart, which it needs on Windows. Default false. */
  ownRestart?: boolean | undefined;
}

/** The other parts of a Collector's configuration. */
const OTHER_PARTS = ["receivers", "processors", "exporters", "connectors"];
const TYPE = "opamp";
const INSTANCE_ID = "service.instance.id";
const HINT = "give `extensions: opamp:`, or the extension's block itself, with server.ws.endpoint";

/**
 * Reads the configuration of the Collector's OpAMP extension, unchanged: a Collector's whole file, its `extensions`, or the
 * extension's block; as YAML or as what somebody has made of it. References such as `${env:X}` are put in, where they are
 * read. What the other components are given is not looked at. At the top there may be our own `connection_settings` too.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` about everything that is wrong: the path of each key as it was written, its line, what
 * is wrong and what would be right; never with a value. Several mistakes are a line each, in the order of the text
 */
export function readExtensionConfig(config: string | object, options: ReadOptions = {}): ExtensionConfig {
  const root = openConfig(config, options);
  return root.whole(() => extensionConfigOf(root, options).config);
}

/** A configuration to be read section by section, by several readers. */
export function openConfig(config: string | object, options: ConfigOptions = {}): SectionReader {
  const { env = process.env, onWarning = () => undefined } = options;
  return SectionReader.of(new Reading(configSource(config), env, onWarning));
}

/** The extension's configuration in one that is open, and the block that it was read from; to be called inside `root.whole`, which throws what is wrong. */
export function extensionConfigOf(
  root: SectionReader,
  options: ReadOptions = {},
  surface: Surface = "program",
): { config: ExtensionConfig; block: SectionReader } {
  const { platform = process.platform, ownRestart = false, ignore = [] } = options;
  const elsewhere = elsewhereKeys(surface, [...ignore, CONNECTION_SECTION]);
  root.ignore(...ignore, CONNECTION_SECTION);
  // Before the block, which may be the root, and then has this key too.
  const connectionSettings = ignore.includes(CONNECTION_SECTION) ? undefined : connectionSettingsOf(root);
  const { block, extensions } = findBlock(root, [...ignore, CONNECTION_SECTION], surface);
  const read = readBlock(block, extensions, platform !== "win32" || ownRestart, elsewhere);
  if (connectionSettings?.certificates?.request === true && /^\s*(ws|http):/i.test(read.server.endpoint)) {
    const key = [CONNECTION_SECTION, "certificates", "request"];
    root.note(
      key,
      "has no effect until the server has moved the agent to wss or https: the request leaves over TLS alone",
    );
  }
  const config = { ...read, ...(connectionSettings && { connectionSettings }) };
  if (!root.has("extensions")) return { config: { ...config, resource: {} }, block };
  const service = root.sectionOrEmpty("service");
  const given = readResource(service);
  const resource = config.instanceUid === undefined ? withUid(given, service) : given;
  return { config: { ...config, resource }, block };
}

function connectionSettingsOf(root: SectionReader): ExtensionConfig["connectionSettings"] {
  const section = root.section(CONNECTION_SECTION);
  return root.part(() => readConnectionSettings(section));
}

/**
 * `service.telemetry.resource`: attributes by name, or the declarative form with a list `attributes` of name and value. An
 * attribute without a value is one that is not wanted.
 */
function readResource(service: SectionReader): ExtensionConfig["resource"] {
  const resource = service.sectionOrEmpty("telemetry").section("resource");
  if (resource === undefined) return {};
  if (!Array.isArray(resource.value("attributes"))) {
    return Object.fromEntries(resource.keys.flatMap((name) => attribute(resource, name, name)));
  }
  const listed = resource.sections("attributes").flatMap((item) => {
    const name = item.needText("name", "is missing", "give the attribute's name");
    return attribute(item, "value", name);
  });
  return Object.fromEntries(listed);
}

function attribute(block: SectionReader, key: string, name: string): [string, AttributeValue][] {
  const given = block.value(key);
  if (given === undefined || given === null) return [];
  // A reference is text here, whatever the variable looks like.
  if (typeof given === "object" || block.refers(key)) return [[name, block.text(key) ?? ""]];
  if (typeof given === "string" || typeof given === "number" || typeof given === "boolean") return [[name, given]];
  block.refuse(key, "must be text, a number or a truth value", "put it in quotes");
  return [];
}

/** As there, the resource names the agent where `instance_uid` does not. */
function withUid(resource: ExtensionConfig["resource"], service: SectionReader): ExtensionConfig["resource"] {
  const { [INSTANCE_ID]: id } = resource;
  if (typeof id !== "string" || id === "") return resource;
  const uid = uidOf(id);
  if (uid !== undefined) return { ...resource, [INSTANCE_ID]: uid };
  const hint = "give a UUID, or give instance_uid, which comes before it";
  service.sectionOrEmpty("telemetry").sectionOrEmpty("resource").refuse(INSTANCE_ID, "must be a UUID", hint);
  return resource;
}

function findBlock(root: SectionReader, ignore: readonly string[], surface: Surface) {
  const keys = root.keys.filter((key) => !ignore.includes(key));
  if (!root.keysBelow("extensions").some(isOpamp)) refuseSupervisor(root, surface);
  if (keys.includes("extensions")) {
    root.ignore("extensions", "service", ...OTHER_PARTS);
    root.done(elsewhereKeys(surface, ignore).file);
    const extensions = root.sectionOrEmpty("extensions");
    return { block: instanceOf(extensions, extensions.keys, root.sectionOrEmpty("service")), extensions };
  }
  if (keys.some(isOpamp)) return { block: instanceOf(root, keys, undefined), extensions: root };
  const part = keys.find((key) => key === "service" || OTHER_PARTS.includes(key));
  if (part !== undefined) throw root.wrong(undefined, "has no extensions", HINT);
  const slip = keys.find((key) => nearest(key, ["extensions", TYPE]) !== undefined);
  if (slip !== undefined) {
    root.ignore("extensions", TYPE, "service", ...OTHER_PARTS);
    root.done(elsewhereKeys(surface, ignore).file);
    throw root.wrong(slip, "unknown key", HINT);
  }
  return { block: root, extensions: undefined };
}

/** The one extension that is meant: the only one, or the one of several that the service uses. */
function instanceOf(extensions: SectionReader, keys: readonly string[], service: SectionReader | undefined) {
  const instances = keys.filter(isOpamp);
  const used = service?.textList("extensions").map(componentId) ?? [];
  const meant = instances.length === 1 ? instances : instances.filter((key) => used.includes(componentId(key)));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return extensions.sectionOrEmpty(only);
  if (instances.length === 0) {
    const slip = keys.find((key) => nearest(key, [TYPE]) !== undefined);
    if (slip !== undefined) throw extensions.wrong(slip, "is not an extension of this name; did you mean opamp?", HINT);
    throw extensions.wrong(undefined, "has no opamp extension", HINT);
  }
  const problem = `has several opamp extensions: ${instances.join(", ")}`;
  throw extensions.wrong(undefined, problem, "keep one, or name one alone in service.extensions");
}

function isOpamp(key: string): boolean {
  return componentId(key).split("/", 1)[0] === TYPE;
}
