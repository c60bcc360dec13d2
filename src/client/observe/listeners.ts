import { isPromise } from "node:util/types";
import { EventEmitter } from "eventemitter3";
import { kindOf, wrongOption } from "../../base/option-path.js";
import type { OpAMPClientEvents } from "../events.js";

type EventName = keyof OpAMPClientEvents;
type Listener = (...event: never[]) => unknown;
type Guarded = (...event: unknown[]) => void;

/** The host's listeners. One that throws, or is async and rejects, harms neither the client nor the other listeners. */
export class Listeners {
  readonly #emitter = new EventEmitter<EventName>();
  readonly #failed: (name: EventName, cause: unknown) => void;
  /** What was registered for a listener of an event, so that it can be taken off again. */
  #guarded: WeakMap<Listener, Map<EventName, Guarded>> | undefined;

  constructor(failed: (name: EventName, cause: unknown) => void) {
    this.#failed = failed;
  }

  on<E extends EventName>(name: E, listener: OpAMPClientEvents[E]): void {
    this.#emitter.on(name, this.#guard(name, listener));
  }

  once<E extends EventName>(name: E, listener: OpAMPClientEvents[E]): void {
    this.#emitter.once(name, this.#guard(name, listener));
  }

  off<E extends EventName>(name: E, listener: OpAMPClientEvents[E]): void {
    const guarded = this.#guarded?.get(listener)?.get(name);
    if (guarded !== undefined) this.#emitter.off(name, guarded);
  }

  emit<E extends EventName>(name: E, ...event: Parameters<OpAMPClientEvents[E]>): void {
    this.#emitter.emit(name, ...event);
  }

  #guard(name: EventName, listener: Listener): Guarded {
    if (typeof listener !== "function") throw wrongOption("listener", `must be a function, not ${kindOf(listener)}`);
    this.#guarded ??= new WeakMap();
    const known = this.#guarded.get(listener) ?? new Map<EventName, Guarded>();
    this.#guarded.set(listener, known);
    const guarded = known.get(name) ?? this.#guardAnew(name, listener);
    known.set(name, guarded);
    return guarded;
  }

  #guardAnew(name: EventName, listener: Listener): Guarded {
    return (...event) => {
      try {
        const result: unknown = Reflect.apply(listener, undefined, event);
        if (isPromise(result)) result.catch((cause: unknown) => this.#failed(name, cause));
      } catch (cause) {
        this.#failed(name, cause);
      }
    };
  }
}
