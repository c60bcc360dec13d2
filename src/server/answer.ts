import { checkOptions } from "../base/checks.js";
import {
  type AgentRemoteConfig,
  type ConnectionSettingsOffers,
  type ServerErrorResponseType,
  type ServerToAgent,
  ServerToAgentFlags,
  ServerToAgentSchema,
} from "../gen/opamp/v1/opamp_pb.js";
import type { ServerToAgentInit } from "../wire/codec.js";

/** A ServerToAgent as its fields: only those that are to be set. */
export type ServerToAgentFields = Exclude<ServerToAgentInit, ServerToAgent>;

/** A message that was made by the library has its type too. */
const SENDABLE = { ...ServerToAgentSchema.field, $typeName: true };

/** Throws ERR_OPAMP_OPTION for what is not an object of such fields. */
export function checkFields(where: string, fields: unknown): void {
  checkOptions(where, fields, SENDABLE);
}

/** What the server says about itself, once per connection (CAP-07). */
export interface Announcement {
  capabilities: bigint;
  customCapabilities: readonly string[];
}

/** What the server has for one agent at the moment of answering. */
export interface Dues {
  /** The uid that the agent goes by. */
  instanceUid: Uint8Array;
  /** Undefined once announced on this connection. */
  announcement: Announcement | undefined;
  /** The agent is to report everything. */
  fullState: boolean;
  /** The configuration whose hash has not come back. */
  offer: AgentRemoteConfig | undefined;
  /** The connection settings whose hash has not come back. */
  settings: ConnectionSettingsOffers | undefined;
  /** The error that this answer is to be. */
  error: ServerToAgentFields | undefined;
  /** Messages that wait for an answer to travel with, the oldest first. */
  queue: readonly ServerToAgentFields[];
  /** What the server's user adds to this one answer. */
  extra: ServerToAgentFields;
}

/** A message to send, and which dues it pays. */
export interface Composed {
  fields: ServerToAgentFields;
  announced: boolean;
  fullState: boolean;
  error: boolean;
  /** How many messages of the queue are in it. */
  queued: number;
}

const PAYS_NOTHING = { announced: false, fullState: false, error: false, queued: 0 };

/**
 * The one answer to a message: the bare uid if there is nothing to say (STATUS-08). What has to stand alone does; all
 * else shares an answer as far as the fields allow.
 */
export function composeAnswer({ extra, error, queue, fullState, offer, settings, ...to }: Dues): Composed {
  if (standsAlone(extra)) {
    return { ...PAYS_NOTHING, fields: { instanceUid: to.instanceUid, ...extra } };
  }
  if (error !== undefined) {
    return { ...PAYS_NOTHING, fields: { instanceUid: to.instanceUid, ...error }, error: true };
  }
  const [head] = queue;
  if (head !== undefined && standsAlone(head)) {
    return { ...composePush(to, head), queued: 1 };
  }
  const group = sharing(queue);
  const own: ServerToAgentFields = {
    ...(fullState && { flags: BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState) }),
    ...(offer && { remoteConfig: offer }),
    ...(settings && { connectionSettings: settings }),
  };
  const fields = [own, ...group, extra].reduce(merge, {});
  return { ...composePush(to, fields), fullState, queued: group.length };
}

/** An answer that is an error (MSG-03), with a pause if one is asked for (THR-02). */
export function errorAnswer(
  type: ServerErrorResponseType,
  errorMessage: string,
  retryAfterNanoseconds?: bigint,
): ServerToAgentFields {
  const pause = retryAfterNanoseconds !== undefined && {
    Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds } },
  };
  return { errorResponse: { type, errorMessage, ...pause } };
}

/** A message that nobody asked for. */
export function composePush(
  { instanceUid, announcement }: Pick<Dues, "instanceUid" | "announcement">,
  fields: ServerToAgentFields,
): Composed {
  if (announcement === undefined) {
    return { ...PAYS_NOTHING, fields: { instanceUid, ...fields } };
  }
  const { capabilities, customCapabilities } = announcement;
  if (standsAlone(fields)) {
    // A command may come with the capabilities and with nothing else (CMD-02).
    return { ...PAYS_NOTHING, fields: { instanceUid, ...(fields.command && { capabilities }), ...fields } };
  }
  const list = customCapabilities.length > 0 && { customCapabilities: { capabilities: [...customCapabilities] } };
  return { ...PAYS_NOTHING, fields: { instanceUid, capabilities, ...list, ...fields }, announced: true };
}

/** Commands (CMD-02), errors (MSG-03) and what has a uid of its own are not mixed with anything. */
function standsAlone(fields: ServerToAgentFields): boolean {
  return fields.command !== undefined || fields.errorResponse !== undefined || fields.instanceUid !== undefined;
}

/** As much of the queue's beginning as fits one message. */
function sharing(queue: readonly ServerToAgentFields[]): readonly ServerToAgentFields[] {
  const used = new Set<string>();
  const end = queue.findIndex((fields) => {
    const names = Object.keys(fields).filter((name) => name !== "flags");
    const fits = !standsAlone(fields) && !names.some((name) => used.has(name));
    for (const name of names) {
      used.add(name);
    }
    return !fits;
  });
  return end === -1 ? queue : queue.slice(0, end);
}

/** Later fields win; flags add up. */
function merge(one: ServerToAgentFields, other: ServerToAgentFields): ServerToAgentFields {
  const flags = (one.flags ?? 0n) | (other.flags ?? 0n);
  return { ...one, ...other, ...(flags !== 0n && { flags }) };
}
