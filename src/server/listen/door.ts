import type { IncomingMessage } from "node:http";
import { messageOf } from "../../errors.js";
import type { Link, TransportName, WebSocketLink } from "../link/link.js";
import type { Refusal } from "../link/refusal.js";
import { type RequestTwist, twistRequest } from "../misbehave/misbehave-request.js";
import type { ConnectMisbehaviour, RequestMisbehaviour } from "../misbehave/misbehaviour.js";
import { Script } from "../misbehave/script.js";
import { pathOf } from "./attempts.js";
import { type Auth, authRefusal } from "./auth.js";

/** An answer that the next upgrades or POSTs get in place of OpAMP. */
export interface ScriptedRefusal extends Refusal {
  /** How long the answer takes, in milliseconds. Default: 0. */
  delayMs?: number;
  /** Which of them. Default: whichever comes first. */
  transport?: TransportName;
}

/** What the door needs to know of its server. */
export interface DoorSetup {
  readonly path: string;
  readonly auth: Auth | undefined;
  readonly onConnect: ((request: IncomingMessage) => Refusal | undefined) | undefined;
}

/** Something else than letting a request in. */
export type Rejection = RequestTwist | { kind: "answer"; refusal: ScriptedRefusal };

type OnRequest = { transport?: TransportName } & RequestMisbehaviour;

/** Decides who gets in: what was scripted comes first, then the user's hook, credentials, and the path. */
export class Door {
  auth: Auth | undefined;
  readonly refusals = new Script<ScriptedRefusal>();
  readonly onConnect = new Script<ConnectMisbehaviour>();
  readonly onRequest = new Script<OnRequest>();
  readonly #setup: DoorSetup;
  /** Of WebSockets that came while credentials were asked for. */
  readonly #upgrades = new WeakMap<Link, IncomingMessage>();

  constructor(setup: DoorSetup) {
    this.#setup = setup;
    this.auth = setup.auth;
  }

  /** Undefined for a request that may come in. */
  ask(request: IncomingMessage, transport: TransportName, url: string): Rejection | undefined {
    const isMeant = (step: { transport?: TransportName }): boolean =>
      step.transport === undefined || step.transport === transport;
    const refusal = this.refusals.take((step) => (isMeant(step) ? step : undefined));
    if (refusal !== undefined) return { kind: "answer", refusal };
    return (
      this.onRequest.take((bad) => (isMeant(bad) ? twistRequest(bad, request, transport, url) : undefined)) ??
      this.#turnAway(request)
    );
  }

  /** Takes note of a WebSocket that was let in. */
  entered(link: WebSocketLink, request: IncomingMessage): void {
    if (this.auth !== undefined) this.#upgrades.set(link, request);
  }

  /** Which of these would not be let in now, for their credentials. */
  unwelcome(links: readonly Link[]): readonly WebSocketLink[] {
    const { auth } = this;
    if (auth === undefined) return [];
    return links.filter((link): link is WebSocketLink => {
      const request = this.#upgrades.get(link);
      return link.transport === "ws" && (request === undefined || authRefusal(auth, request) !== undefined);
    });
  }

  clear(): void {
    this.refusals.clear();
    this.onConnect.clear();
    this.onRequest.clear();
  }

  #turnAway(request: IncomingMessage): Rejection | undefined {
    const { onConnect, path } = this.#setup;
    try {
      const refusal =
        onConnect?.(request) ??
        (this.auth && authRefusal(this.auth, request)) ??
        (pathOf(request) === path ? undefined : { status: 404 });
      // Who answers later, or with what is no status, would be let in or break the answer.
      if (refusal !== undefined && !Number.isInteger(refusal.status))
        throw new TypeError("no HTTP status to refuse with");
      return refusal && { kind: "answer", refusal };
    } catch (thrown) {
      return { kind: "answer", refusal: { status: 500, body: messageOf(thrown) } };
    }
  }
}
