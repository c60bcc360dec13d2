import type { IncomingMessage } from "node:http";
import { messageOf } from "../../errors.js";
import { type Auth, authRefusal } from "../auth.js";
import type { HookFaults } from "../hook-faults.js";
import { checkRefusal, type Refusal } from "../link/http-link.js";
import type { Link, TransportName, WebSocketLink } from "../link/link.js";
import type { ConnectMisbehaviour } from "../misbehave/misbehaviour.js";
import type { Orders, ScriptedRefusal } from "../misbehave/orders.js";
import type { ServerSettings } from "../server-options.js";
import { pathOf } from "./attempts.js";

/** Decides who gets in: what was ordered comes first, then the user's hook, credentials, and the path. */
export class Admission {
  auth: Auth | undefined;
  readonly orders: Orders;
  readonly #settings: ServerSettings;
  /** Of WebSockets that came while credentials were asked for. */
  readonly #upgrades = new WeakMap<Link, IncomingMessage>();

  readonly #faults: HookFaults;

  constructor(settings: ServerSettings, orders: Orders, faults: HookFaults) {
    this.#settings = settings;
    this.#faults = faults;
    this.orders = orders;
    this.auth = settings.auth;
  }

  /** What to do instead of letting a request in; undefined for one that may come in. */
  ask(
    request: IncomingMessage,
    transport: TransportName,
    url: string,
  ): ScriptedRefusal | ConnectMisbehaviour | undefined {
    const refusal = this.orders.refusals.take(transport);
    if (refusal !== undefined) return refusal;
    const bad = this.orders.onRequest.take(transport);
    if (bad === undefined) return this.#turnAway(request);
    return bad.mode === "redirect" ? { status: bad.status ?? 307, headers: { location: bad.to ?? url } } : bad;
  }

  /** Takes note of a WebSocket that was let in. */
  entered(link: WebSocketLink, request: IncomingMessage): void {
    if (this.auth !== undefined) this.#upgrades.set(link, request);
  }

  /** Which of these would not be let in now, for their credentials. */
  unwelcome(links: readonly Link[]): readonly WebSocketLink[] {
    if (this.auth === undefined) return [];
    return links.filter((link): link is WebSocketLink => {
      const request = this.#upgrades.get(link);
      return (
        link.transport === "ws" && link.isOpen() && (request === undefined || this.#asksFor(request) !== undefined)
      );
    });
  }

  #turnAway(request: IncomingMessage): Refusal | undefined {
    const { onConnect, path } = this.#settings;
    return (
      this.#ask("onConnect", () => onConnect?.(request)) ??
      this.#asksFor(request) ??
      (pathOf(request) === path ? undefined : { status: 404 })
    );
  }

  /** The answer to credentials that are not good. */
  #asksFor(request: IncomingMessage): Refusal | undefined {
    const { auth } = this;
    return auth && this.#ask("auth", () => authRefusal(auth, request));
  }

  #ask(hook: string, call: () => Refusal | undefined): Refusal | undefined {
    try {
      return this.#faults.ask(hook, call, (refusal) => {
        if (refusal !== undefined && refusal !== null) checkRefusal(refusal);
      });
    } catch (thrown) {
      return { status: 500, body: messageOf(thrown) };
    }
  }
}
