import { isPromise } from "node:util/types";
import { EventEmitter } from "eventemitter3";
import { amongKnown, wrongKind, wrongOption } from "../../base/checks.js";
import { serverNamesIn } from "../../core/capabilities.js";
import type { OpAMPClientEvents } from "../events.js";
import type { ClientEvent } from "./client-event.js";

type EventName = keyof OpAMPClientEvents;
type Payload<E extends EventName> = Parameters<OpAMPClientEvents[E]>[0];
type Listener = (event: never) => unknown;
type Guarded = (name: EventName, event: unknown) => void;

const NAMES = {
  phase: true,
  error: true,
  warning: true,
  serverError: true,
  offer: true,
  connection: true,
  instanceUid: true,
  serverCapabilities: true,
  serverCustomCapabilities: true,
  heartbeatInterval: true,
} as const satisfies Record<EventName, true>;
/** What other clients and sockets call what is a phase here. */
const FOREIGN: Readonly<Record<string, string>> = {
  connect: "phase",
  connected: "phase",
  connectfailed: "phase",
  disconnect: "phase",
  disconnected: "phase",
  open: "phase",
  online: "phase",
  close: "phase",
  stopped: "phase",
  remoteconfig: "offer",
  remoteconfigstatus: "offer",
};

/** The host's listeners. One that throws, or is async and rejects, harms neither the client nor the other listeners. */
export class Listeners {
  readonly #emitter = new EventEmitter<EventName>();
  readonly #failed: (name: EventName, cause: unknown) => void;
  /** What was registered for a listener, so that it can be taken off again. */
  #guarded: WeakMap<Listener, Guarded> | undefined;

  constructor(failed: (name: EventName, cause: unknown) => void) {
    this.#failed = failed;
  }

  on<E extends EventName>(name: E, listener: OpAMPClientEvents[E]): void {
    checkName(name);
    this.#emitter.on(name, this.#guard(listener));
  }

  once<E extends EventName>(name: E, listener: OpAMPClientEvents[E]): void {
    checkName(name);
    this.#emitter.once(name, this.#guard(listener));
  }

  off<E extends EventName>(name: E, listener: OpAMPClientEvents[E]): void {
    const guarded = this.#guarded?.get(listener);
    if (guarded !== undefined) this.#emitter.off(name, guarded);
  }

  /** Emits what the host can listen to. */
  observe(event: ClientEvent): void {
    switch (event.type) {
      case "phase":
      case "warning":
      case "connection":
      case "instanceUid":
      case "serverError":
        return this.#emit(event.type, event.event);
      case "error":
        return this.#emit("error", event.error);
      case "offer": {
        const { kind, status, error } = event;
        // A copy of the hash: a listener may do what it likes with it.
        const hash = new Uint8Array(event.hash);
        return this.#emit("offer", status === "failed" ? { kind, hash, status, error } : { kind, hash, status });
      }
      case "serverCapabilities":
        return this.#emit("serverCapabilities", serverNamesIn(event.mask));
      case "serverCustomCapabilities":
        return this.#emit("serverCustomCapabilities", event.names);
      case "heartbeatInterval":
        return this.#emit("heartbeatInterval", event.intervalMs);
      default:
        return;
    }
  }

  #emit<E extends EventName>(name: E, event: Payload<E>): void {
    this.#emitter.emit(name, name, event);
  }

  #guard(listener: Listener): Guarded {
    if (typeof listener !== "function") throw wrongKind("listener", "a function", listener);
    this.#guarded ??= new WeakMap();
    let guarded = this.#guarded.get(listener);
    if (guarded === undefined) {
      guarded = (name, event) => {
        try {
          const result: unknown = Reflect.apply(listener, undefined, [event]);
          if (isPromise(result)) result.catch((cause: unknown) => this.#failed(name, cause));
        } catch (cause) {
          this.#failed(name, cause);
        }
      };
      this.#guarded.set(listener, guarded);
    }
    return guarded;
  }
}

function checkName(name: unknown): void {
  if (typeof name !== "string") throw wrongKind("event", "the name of an event", name);
  if (Object.hasOwn(NAMES, name)) return;
  const foreign = Object.hasOwn(FOREIGN, name.toLowerCase()) ? FOREIGN[name.toLowerCase()] : undefined;
  throw wrongOption("event", `${JSON.stringify(name)} is not an event${amongKnown(name, Object.keys(NAMES), foreign)}`);
}
