import { create } from "@bufbuild/protobuf";
import { ServerToAgentSchema } from "../gen/opamp/v1/opamp_pb.js";
import { encodeServerToAgent } from "../wire/codec.js";
import type { ServerToAgentFields } from "./answer.js";
import type { Link } from "./link.js";
import type { MessageLog, SentEntry } from "./message-log.js";

/** Sends a message over a link and logs it in the form in which it went out. */
export function transmit(log: MessageLog, link: Link, uid: string, fields: ServerToAgentFields): SentEntry {
  const message = create(ServerToAgentSchema, fields);
  link.send(encodeServerToAgent(message));
  return log.sent(link, uid, message);
}
