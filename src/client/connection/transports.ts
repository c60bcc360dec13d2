import { isObject, isThenable, kindOf } from "../../base/checks.js";
import { isFinalFailure } from "../../connection-settings/final-failure.js";
import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import type { Use } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { threwIn } from "../../transport/loss.js";
import type { Loss, Sink, Transport } from "../../transport/transport.js";
import type { MakeTransport } from "../connection-options.js";
import { secretsIn } from "./known-secrets.js";
import { MadeHeaders } from "./made-headers.js";
import type { Hinted } from "./offered-hints.js";

/** The transport for the settings in force, and the one for those on trial; each is made when it is first dialled with. */
export class Transports {
  readonly #make: MakeTransport;
  readonly #hintsFor: (settings: ConnectionSettings, use: Use) => Hinted | undefined;
  #settings: { [U in Use]?: ConnectionSettings | undefined };
  #made: { [U in Use]?: Transport | undefined } = {};
  #last: Transport | undefined;
  /** What was tried last: its server may still be heard of when it is dropped. */
  #tried: ConnectionSettings | undefined;
  readonly #madeHeaders = new MadeHeaders();
  readonly #secrets = new WeakMap<ConnectionSettings, readonly string[]>();

  /** @param hintsFor what is to be said of failures with settings that the options do not have */
  constructor(
    make: MakeTransport,
    committed: ConnectionSettings,
    hintsFor: (settings: ConnectionSettings, use: Use) => Hinted | undefined = () => undefined,
  ) {
    this.#make = make;
    this.#hintsFor = hintsFor;
    this.#settings = { committed };
  }

  /** What people call the transport that was dialled with last. */
  get name(): unknown {
    return this.#last?.name;
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
    return this.#last;
  }

  /** Other settings are in force from the next dial on. */
  commit(settings: ConnectionSettings): void {
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
    const watched = { ...settings, headers: this.#madeHeaders.watched(settings.headers) };
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

const METHODS = ["open", "send", "ping", "close"] as const;

/** What a transport function of the host makes. @throws OpAMPError `ERR_OPAMP_OPTION` where that is not a transport */
export function madeBy(make: MakeTransport, settings: ConnectionSettings, use: Use): Transport {
  let made: unknown;
  try {
    made = make(settings, use);
  } catch (cause) {
    if (cause instanceof OpAMPError) throw cause;
    const hint = "correct the function that the option `transport` is; what it threw is the cause";
    throw new OpAMPError("ERR_OPAMP_OPTION", `transport: the function threw: ${messageOf(cause)}`, { cause, hint });
  }
  if (isTransport(made)) return made;
  const lacking = isObject(made) ? METHODS.filter((name) => typeof made[name] !== "function") : undefined;
  const given = lacking && !isThenable(made) ? `one without ${lacking.join(", ")}` : kindOf(made);
  const hint = "have the function return the transport itself, such as memoryTransport gives";
  const text = `transport: the function must return an object with ${METHODS.join(", ")}, not ${given}`;
  throw new OpAMPError("ERR_OPAMP_OPTION", text, { hint });
}

function isTransport(made: unknown): made is Transport {
  return isObject(made) && METHODS.every((name) => typeof made[name] === "function");
}

/** A transport; where none can be made, one that says why when it is opened. */
function attemptedBy(make: () => Transport): Transport {
  try {
    return make();
  } catch (cause) {
    const open = (sink: Sink) => sink.lost(threwIn("open", cause));
    const nothing = () => undefined;
    return { duplex: false, name: "none", open, send: nothing, ping: nothing, close: nothing };
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
