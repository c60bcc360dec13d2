import { EventEmitter } from "eventemitter3";
import type { OpAMPClientEvents } from "./events.js";

type EventName = keyof OpAMPClientEvents;
type Listener = (...event: never[]) => unknown;

/** The host's listeners. One that throws, or is async and rejects, harms neither the client nor the other listeners. */
export class Listeners {
  readonly #emitter = new EventEmitter<EventName>();
  readonly #failed: (name: EventName, cause: unknown) => void;
  /** What was registered for a listener, so that it can be taken off again. */
  readonly #guarded = new WeakMap<Listener, (...event: unknown[]) => void>();

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
    const guarded = this.#guarded.get(listener);
    if (guarded !== undefined) this.#emitter.off(name, guarded);
  }

  emit<E extends EventName>(name: E, ...event: Parameters<OpAMPClientEvents[E]>): void {
    this.#emitter.emit(name, ...event);
  }

  #guard(name: EventName, listener: Listener): (...event: unknown[]) => void {
    const known = this.#guarded.get(listener);
    if (known !== undefined) return known;
    const guarded = (...event: unknown[]): void => {
      try {
        const result: unknown = Reflect.apply(listener, undefined, event);
        if (result instanceof Promise) result.catch((cause: unknown) => this.#failed(name, cause));
      } catch (cause) {
        this.#failed(name, cause);
      }
    };
    this.#guarded.set(listener, guarded);
    return guarded;
  }
}
