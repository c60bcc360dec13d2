import { ServerToAgentFlags } from "../../gen/opamp/v1/opamp_pb.js";
import type { ServerToAgentFields } from "../answer.js";
import type { HttpLink, Link, WebSocketLink } from "../link/link.js";
import type { Timers } from "../timers.js";
import { misbehaveOverHttp } from "./misbehave-http.js";
import { misbehaveOverWebSocket } from "./misbehave-websocket.js";
import { GARBAGE, type MessageMisbehaviour } from "./misbehaviour.js";
import { padded } from "./padding.js";
import type { Twist } from "./twist.js";

/** The length of the header in front of a message on WebSocket (WS-02). */
const FRAME_HEADER_BYTES = 1;
const NOBODY = new Uint8Array(16).fill(0xee);

/** What a misbehaviour may use. */
export interface Tools {
  readonly timers: Timers;
  /** Cuts the link with a TCP reset. */
  reset(link: Link): void;
}

/** Says what becomes of the answer over this link; undefined if the link gives no occasion for this misbehaviour. */
export function twistAnswer(bad: MessageMisbehaviour, link: Link, tools: Tools): Twist | undefined {
  switch (bad.mode) {
    case "silence":
      return { instead: () => undefined };
    case "garbage":
      return { instead: () => link.send(bad.bytes ?? GARBAGE) };
    case "wrong-uid":
      return { extra: { instanceUid: bad.uid ?? NOBODY } };
    case "full-state":
      return { extra: askingForFullState() };
    case "oversize": {
      const header = link.transport === "ws" ? FRAME_HEADER_BYTES : 0;
      return { write: (payload) => link.send(padded(payload, bad.bytes - header)) };
    }
    case "hang-up":
      return { instead: () => (link.wire === undefined ? link.destroy() : link.wire.socket.destroySoon()) };
    case "half-close":
      return link.wire && { instead: endOf(link) };
    case "reset":
      return { instead: () => (link.wire === undefined ? link.destroy() : tools.reset(link)) };
    default:
      return link.transport === "ws" ? misbehaveOverWebSocket(bad, link) : misbehaveOverHttp(bad, link, tools.timers);
  }
}

function askingForFullState(): ServerToAgentFields {
  return { flags: BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState) };
}

function endOf({ wire }: WebSocketLink | HttpLink): () => void {
  return () => void wire?.socket.end();
}
