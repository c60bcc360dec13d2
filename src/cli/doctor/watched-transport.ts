import { errorOf } from "../../core/server-error.js";
import { createTransport } from "../../transport/create-transport.js";
import type { TransportSettings } from "../../transport/settings/settings.js";
import type { Transport } from "../../transport/transport.js";
import type { Endpoint } from "../../transport/url/endpoint.js";
import type { Redirect } from "../../transport/url/redirect.js";
import { decodeServerToAgent } from "../../wire/codec.js";

/** What passes by that a client only acts on. */
export interface Seen {
  /** In the order in which they came. */
  readonly redirects: readonly Redirect[];
  /** How long the server asked to stay away, in milliseconds; `undefined` where it did not say. */
  readonly retryAfterMs: number | undefined;
  /** When the first message was sent, by `performance.now()`. */
  readonly sentAt: number | undefined;
}

/** The transport that a client would make for itself, and what it sees. */
export function watchedTransport(
  kind: Endpoint["kind"],
  settings: TransportSettings,
): { transport: Transport; seen: Seen } {
  const redirects: Redirect[] = [];
  const seen: { -readonly [K in keyof Seen]: Seen[K] } = { redirects, retryAfterMs: undefined, sentAt: undefined };
  const inner = createTransport(kind, { ...settings, onRedirect: (redirect) => void redirects.push(redirect) });
  const transport: Transport = {
    duplex: inner.duplex,
    name: inner.name,
    open: (sink) =>
      inner.open({
        opened: () => sink.opened(),
        dialing: () => sink.dialing(),
        dialed: () => sink.dialed(),
        progress: () => sink.progress(),
        stale: () => sink.stale(),
        payload(bytes) {
          seen.retryAfterMs = askedIn(bytes);
          sink.payload(bytes);
        },
        pong: () => sink.pong(),
        alive: () => sink.alive(),
        malformed: (error) => sink.malformed(error),
        lost(loss) {
          seen.retryAfterMs = loss.retryAfterMs ?? seen.retryAfterMs;
          sink.lost(loss);
        },
      }),
    send(payload) {
      seen.sentAt ??= performance.now();
      inner.send(payload);
    },
    ping: () => inner.ping(),
    close: (code, reason) => inner.close(code, reason),
  };
  return { transport, seen };
}

/** The pause that a message asks for, if it does. */
function askedIn(bytes: Uint8Array): number | undefined {
  const decoded = decodeServerToAgent(bytes);
  const response = decoded.ok ? decoded.message.errorResponse : undefined;
  const error = response && errorOf(response);
  return error?.type === "unavailable" ? error.retryAfterMs : undefined;
}
