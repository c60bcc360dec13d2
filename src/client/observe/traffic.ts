import type { Outgoing } from "../../core/io.js";
import type { ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";

/** Is told of all that passes between client and server. Must not throw. */
export interface Traffic {
  /** A message was handed to the transport; so many bytes before compression and without framing. */
  sent(message: Outgoing, bytes: number): void;
  /** Bytes came, inflated and without framing; without a message where they are none. */
  received(message: ServerToAgent | undefined, bytes: number): void;
  /** The server was asked for a sign of life. */
  pinged(): void;
  /** It gave one. */
  alive(): void;
}
