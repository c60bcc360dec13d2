import { UID_BYTES, uidText } from "../../base/bytes.js";
import { wrongOption } from "../../base/checks.js";
import type { ConfigFiles } from "../../values/config-files.js";
import type { Description } from "../../values/description.js";

/** How the agents of a fleet are called. */
export interface FleetNames {
  /** Everything random follows from it: the same seed makes the same agents. */
  seed: number;
  /** How many availability zones they are spread over. */
  zones: number;
  /** The versions of their service, from which each has one. At least one. */
  versions: readonly string[];
  /** More attributes, or others in place of the usual ones; with placeholders in their values. */
  attributes: Readonly<Record<string, string>>;
}

/** Who one agent of a fleet is. */
export interface Identity {
  instanceUid: Uint8Array;
  description: Description;
  /** The configuration that it has before the server offers one. */
  config: ConfigFiles;
}

/** What stands for something of the agent in the value of an attribute. */
export const placeholders = ["n", "uid", "zone", "version"] as const;

type Words = Readonly<Record<(typeof placeholders)[number], string>>;

const PLACEHOLDER = /\{(\w*)\}/g;
const NUMBER_AT = UID_BYTES - 4;

/** @throws OpAMPError `ERR_OPAMP_OPTION` for a placeholder that there is not */
export function checkTemplate(where: string, template: string): void {
  for (const [whole, name = ""] of template.matchAll(PLACEHOLDER)) {
    if (placeholders.some((known) => known === name)) continue;
    throw wrongOption(
      where,
      `${whole} is not a placeholder; known are ${placeholders.map((one) => `{${one}}`).join(", ")}`,
    );
  }
}

/**
 * Agent number `n`, from 1, of a fleet.
 *
 * @param random the agent's own generator
 */
export function identityOf(n: number, names: FleetNames, random: () => number): Identity {
  const instanceUid = uidOf(n, random);
  const pick = (count: number): number => Math.floor(random() * count);
  const words: Words = {
    n: String(n),
    uid: uidText(instanceUid),
    zone: `zone-${1 + pick(names.zones)}`,
    version: names.versions[pick(names.versions.length)] ?? "",
  };
  const identifying: Record<string, string> = {
    "service.name": "simulated-agent",
    "service.instance.id": words.uid,
    "service.version": words.version,
  };
  const nonIdentifying: Record<string, string> = {
    "host.name": `host-${n}`,
    "os.type": "linux",
    "cloud.availability_zone": words.zone,
  };
  for (const [key, template] of Object.entries(names.attributes)) {
    const target = key.startsWith("service.") ? identifying : nonIdentifying;
    target[key] = template.replace(PLACEHOLDER, (_, name: keyof Words) => words[name]);
  }
  const body = `# agent ${n} of a simulation\nreceivers: {}\nexporters: {}\n`;
  return {
    instanceUid,
    description: { identifying, nonIdentifying },
    config: { "agent.yaml": { body, contentType: "text/yaml" } },
  };
}

/** A UUID of version 4 that ends in the agent's number, so that no two of a fleet are the same. */
function uidOf(n: number, random: () => number): Uint8Array {
  const uid = Buffer.from(Array.from({ length: UID_BYTES }, () => Math.floor(random() * 256)));
  uid.writeUInt32BE(n, NUMBER_AT);
  uid.writeUInt8((uid.readUInt8(6) & 0x0f) | 0x40, 6);
  uid.writeUInt8((uid.readUInt8(8) & 0x3f) | 0x80, 8);
  return new Uint8Array(uid);
}
