import { OpAMPError } from "../../errors.js";
import { unframe } from "../../wire/codec.js";
import type { Link, LinkOrigin, TransportName } from "./link.js";

/** The agent's end of a link without a socket: what the server can do to it. */
export interface AgentEnd {
  /** A serialized ServerToAgent. On `http` it is the answer. */
  payload(payload: Uint8Array): void;
  /** On `ws`: a message that is not a payload. */
  malformed(error: OpAMPError): void;
  /** On `http`, in place of the answer: status 400. */
  refused(reason: string): void;
  /** On `ws`: the closing handshake, which {@link ServerEnd.ended} completes. */
  closed(code: number, reason: string): void;
  /** The connection is gone. */
  cut(): void;
}

/** The server's end of a link without a socket: what the agent can do to it. */
export interface ServerEnd {
  /** A serialized AgentToServer; one for each link on `http`. */
  payload(payload: Uint8Array): void;
  /** The link is over, from either side. */
  ended(): void;
}

/** Makes a link without a socket that behaves like one of the given transport. Once `shut`, it is no longer open. */
export function memoryLink(
  transport: TransportName,
  place: Pick<LinkOrigin, "connection" | "endpoint">,
  agent: AgentEnd,
): { link: Link; shut(): void } {
  let isOpen = true;
  const shut = (): void => {
    isOpen = false;
  };
  const shared = {
    origin: { ...place, tls: undefined, receivesCompressed: false, sendsCompressed: false },
    isOpen: () => isOpen,
    destroy() {
      shut();
      agent.cut();
    },
  };
  if (transport === "http") {
    const link: Link = {
      ...shared,
      transport,
      send(payload) {
        shut();
        agent.payload(payload);
      },
      refuse(reason) {
        shut();
        agent.refused(reason);
      },
    };
    return { link, shut };
  }
  const link: Link = {
    ...shared,
    transport,
    send: (payload) => agent.payload(payload),
    sendAsIs: (message) => sendAsIs(message, agent),
    close(code, reason) {
      shut();
      agent.closed(code, reason);
    },
  };
  return { link, shut };
}

function sendAsIs(message: Uint8Array | string, agent: AgentEnd): void {
  if (typeof message === "string") {
    agent.malformed(new OpAMPError("ERR_OPAMP_MALFORMED", "a text message; OpAMP uses binary ones"));
    return;
  }
  const unframed = unframe(message);
  if (unframed.ok) agent.payload(unframed.payload);
  else agent.malformed(unframed.error);
}
