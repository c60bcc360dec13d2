import { create } from "@bufbuild/protobuf";
import { ServerToAgentSchema } from "../../gen/opamp/v1/opamp_pb.js";
import { encodeServerToAgent } from "../../wire/codec.js";
import type { ServerToAgentFields } from "../answer.js";
import type { Link } from "../link/link.js";
import type { MessageLog, SentEntry } from "./message-log.js";

/** Sends a message over a link, or writes it in another way, and logs it in the form in which it went out. */
export function transmit(
  log: MessageLog,
  link: Link,
  uid: string,
  fields: ServerToAgentFields,
  write: (payload: Uint8Array) => void = link.send,
): SentEntry {
  const message = create(ServerToAgentSchema, fields);
  write(encodeServerToAgent(message));
  return log.sent(link, uid, message);
}
