import { isFinalFailure } from "../../connection-settings/final-failure.js";
import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import type { Use } from "../../core/io.js";
import { OpAMPError } from "../../errors.js";
import type { Loss, Sink, Transport } from "../../transport/transport.js";
import { shownUrl } from "../../transport/url/endpoint.js";
import type { MakeTransport } from "../connection-options.js";
import { attemptedBy } from "../handlers/host-transport.js";
import { secretsIn } from "./known-secrets.js";
import { MadeHeaders, type SparedParts } from "./made-headers.js";
import type { Hinted } from "./offered-hints.js";

/** The transport for the settings in force, and the one for those on trial; each is made when it is first dialled with. */
export class Transports {
  readonly #make: MakeTransport;
  readonly #hintsFor: (settings: ConnectionSettings, use: Use) => Hinted | undefined;
  #settings: { [U in Use]?: ConnectionSettings | undefined };
  #made: { [U in Use]?: Transport | undefined } = {};
  #last: Transport | undefined;
  #dialled: ConnectionSettings | undefined;
  /** What was tried, or in force, before: its server may still send something after it is dropped. */
  #tried: ConnectionSettings | undefined;
  readonly #madeHeaders: MadeHeaders;
  readonly #secrets = new WeakMap<ConnectionSettings, readonly string[]>();

  /**
   * @param hintsFor what is to be said of failures with settings that the options do not have
   * @param spared what is done about functions that fail next to offered headers; by default the dial fails
   */
  constructor(
    make: MakeTransport,
    committed: ConnectionSettings,
    hintsFor: (settings: ConnectionSettings, use: Use) => Hinted | undefined = () => undefined,
    spared?: SparedParts,
  ) {
    this.#make = make;
    this.#hintsFor = hintsFor;
    this.#madeHeaders = new MadeHeaders(spared);
    this.#settings = { committed };
  }

  /** What people call the transport that was dialled with last. */
  get name(): unknown {
    return this.#last?.name;
  }

  /** Where was dialled last, as it may be shown. */
  get shownEndpoint(): string | undefined {
    return this.#dialled && shownUrl(this.#dialled.endpoint.url.href);
  }

  /** What is in force. */
  get inForce(): ConnectionSettings | undefined {
    return this.#settings.committed;
  }

  /** What must not be shown of the settings in force, of those that were tried last, and of what the host's functions made. */
  get secrets(): readonly string[] {
    const settings = [this.#settings.committed, this.#tried].flatMap((its) => (its ? this.#secretsIn(its) : []));
    return [...settings, ...this.#madeHeaders.secrets];
  }

  /** @throws Error where there is nothing on trial, which no core asks for */
  for(use: Use): Transport {
    const settings = this.#settings[use];
    if (settings === undefined) throw new Error(`there are no ${use} settings`);
    this.#made[use] ??= this.#new(settings, use);
    this.#last = this.#made[use];
    this.#dialled = settings;
    return this.#last;
  }

  /** Other settings are in force from the next dial on. */
  commit(settings: ConnectionSettings): void {
    this.#tried = this.#settings.committed;
    this.#settings = { committed: settings };
    this.#made = {};
  }

  /** These are to be tried. */
  propose(settings: ConnectionSettings): void {
    this.#tried = settings;
    this.#settings.candidate = settings;
    this.#made.candidate = undefined;
  }

  /** What was tried is in force, and what was before is forgotten. The connection goes on as it is; the next one is made with a new transport. */
  accept(): void {
    this.#settings = { committed: this.#settings.candidate };
    this.#made = {};
  }

  /** What was tried is forgotten. */
  drop(): void {
    this.#settings.candidate = undefined;
    this.#made.candidate = undefined;
  }

  #secretsIn(settings: ConnectionSettings): readonly string[] {
    const known = this.#secrets.get(settings) ?? secretsIn(settings);
    this.#secrets.set(settings, known);
    return known;
  }

  #new(settings: ConnectionSettings, use: Use): Transport {
    const watched = { ...settings, headers: this.#madeHeaders.watched(settings) };
    const hinted = this.#hintsFor(settings, use);
    const explained = (loss: Loss): Loss => (hinted === undefined ? loss : { ...loss, error: hinted(loss.error) });
    if (use === "candidate") {
      const made = attemptedBy(() => this.#make(watched, use));
      return new JudgedTransport(made, (loss) => judged(explained(loss)));
    }
    const made = this.#make(watched, use);
    return hinted === undefined ? made : new JudgedTransport(made, explained);
  }
}

/** A transport that says more of each loss. */
class JudgedTransport implements Transport {
  readonly #transport: Transport;
  readonly #judged: (loss: Loss) => Loss;

  constructor(transport: Transport, judge: (loss: Loss) => Loss) {
    this.#transport = transport;
    this.#judged = judge;
  }

  get duplex(): boolean {
    return this.#transport.duplex;
  }

  get name(): string {
    return this.#transport.name;
  }

  open(sink: Sink): void {
    this.#transport.open({
      opened: () => sink.opened(),
      dialing: () => sink.dialing(),
      dialed: () => sink.dialed(),
      progress: () => sink.progress(),
      stale: () => sink.stale(),
      payload: (bytes) => sink.payload(bytes),
      pong: () => sink.pong(),
      alive: () => sink.alive(),
      malformed: (error) => sink.malformed(error),
      lost: (loss) => sink.lost(this.#judged(loss)),
    });
  }

  send(payload: Uint8Array): void {
    this.#transport.send(payload);
  }

  ping(): void {
    this.#transport.ping();
  }

  close(code: number, reason: string): void {
    this.#transport.close(code, reason);
  }
}

/** Whether another attempt with the same settings can go better. */
function judged(loss: Loss): Loss & { final: boolean } {
  const { code, message, cause, hint } = loss.error;
  // What this installation lacks for other settings does not end a client that does without.
  const isLacking = code === "ERR_OPAMP_INCOMPLETE";
  const error = isLacking ? new OpAMPError("ERR_OPAMP_SETTINGS", message, { cause, hint }) : loss.error;
  return { ...loss, error, final: isLacking || (isFinalFailure(error) && !loss.throttled) };
}
