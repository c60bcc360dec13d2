import { isUint8Array } from "node:util/types";
import { count, durations, refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import { OpAMPError } from "../../errors.js";

/** A custom message from the server. */
export interface CustomMessageReceived {
  /** Unique only within the capability (CUSTOM-06). */
  readonly type: string;
  /** In whatever format the capability defines. */
  readonly data: Uint8Array;
}

/** How a custom message is sent. */
export interface SendOptions {
  /**
   * How long the message may wait for the server, in milliseconds; then it is dropped. Default: the client's
   * `customMessageMs`.
   */
  expiresInMs?: number;
}

/** How a {@link CustomChannel} is set up. */
export interface ChannelOptions {
  /** How many received messages wait for a consumer that is busy; more are dropped, the newest first. Default 10. */
  maxQueuedMessages?: number;
}

const QUEUE_LIMIT = 10;

/** What a channel needs from the client. */
export interface ChannelHost {
  /** @param expiresInMs `undefined`: as long as the client says */
  send(capability: string, type: string, data: Uint8Array, expiresInMs: number | undefined): Promise<void>;
  unregister(channel: CustomChannel): void;
  failed(cause: unknown): void;
  /** Why nothing can be sent any more, if that is so. */
  readonly stopped: OpAMPError | undefined;
}

/**
 * One use of a custom capability. Several may share a capability; each gets every message (D11).
 *
 * Messages go to the handler set with {@link CustomChannel.onMessage}, else to whoever iterates. Up to ten
 * wait, or as many as {@link ChannelOptions} say; when that is not enough, the newest is dropped and counted.
 */
export class CustomChannel implements AsyncIterable<CustomMessageReceived> {
  readonly capability: string;
  readonly #host: ChannelHost;
  readonly #maxQueued: number;
  readonly #queue: CustomMessageReceived[] = [];
  readonly #readers: ((result: IteratorResult<CustomMessageReceived, undefined>) => void)[] = [];
  #handler: ((message: CustomMessageReceived) => void | Promise<void>) | undefined;
  #handling = false;
  #dropped = 0;
  #closed = false;

  /** @throws OpAMPError `ERR_OPAMP_OPTION` */
  constructor(capability: string, host: ChannelHost, options: ChannelOptions | undefined) {
    this.capability = capability;
    this.#host = host;
    this.#maxQueued = readQueueLimit(options);
  }

  /** How many messages were dropped because nobody took them in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Sends a message. It waits while there is no connection, or while the server has not announced the capability
   * (CUSTOM-04), and it is never merged with another. Who does not care what becomes of it may ignore the promise.
   *
   * A message whose time is up is dropped. One that has left is not, unless the connection is lost before the answer: then
   * it is not sent again, and may or may not have arrived.
   *
   * @param data text is sent as UTF-8
   * @returns when the server has answered
   * @throws OpAMPError `ERR_OPAMP_QUEUE_FULL`, `ERR_OPAMP_TOO_LARGE`, `ERR_OPAMP_REJECTED` when the server refused it,
   * `ERR_OPAMP_TIMEOUT`, `ERR_OPAMP_CAPABILITY` after {@link CustomChannel.unregister}, `ERR_OPAMP_OPTION`,
   * `ERR_OPAMP_STOPPED`
   */
  send(type: string, data: Uint8Array | string = new Uint8Array(), options?: SendOptions): Promise<void> {
    const sent = this.#send(type, data, options);
    // A message sent on the off chance must not end the process when the client stops.
    sent.catch(() => undefined);
    return sent;
  }

  /** Hands messages to a function, one at a time; a failure in it is an `error` event. `undefined` ends that. */
  onMessage(handler: ((message: CustomMessageReceived) => void | Promise<void>) | undefined): void {
    this.#handler = handler;
    void this.#drain();
  }

  /**
   * Takes no more messages, and drops those that wait. The last channel of a capability takes the capability off the
   * agent's list.
   */
  unregister(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    this.#host.unregister(this);
    for (const read of this.#readers.splice(0)) read({ done: true, value: undefined });
  }

  /** Messages as they come; ends when the channel is unregistered or the client stops. */
  [Symbol.asyncIterator](): AsyncIterator<CustomMessageReceived, undefined> {
    return {
      next: () => {
        const message = this.#queue.shift();
        if (message !== undefined) return Promise.resolve({ done: false, value: message });
        if (this.#closed) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => this.#readers.push(resolve));
      },
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
  }

  /** @internal A message arrived. */
  deliver(message: CustomMessageReceived): void {
    if (this.#closed) return;
    const read = this.#handler === undefined ? this.#readers.shift() : undefined;
    if (read !== undefined) return read({ done: false, value: message });
    if (this.#queue.length >= this.#maxQueued) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(message);
    void this.#drain();
  }

  async #send(type: string, data: Uint8Array | string, options: SendOptions | undefined): Promise<void> {
    if (this.#host.stopped !== undefined) throw this.#host.stopped;
    if (this.#closed) throw new OpAMPError("ERR_OPAMP_CAPABILITY", `${this.capability} is no longer registered`);
    if (typeof type !== "string") throw wrongOption("type", `must be a string, not ${kindOf(type)}`);
    if (typeof data !== "string" && !isUint8Array(data)) {
      throw wrongOption("data", `must be a string or a Uint8Array, not ${kindOf(data)}`);
    }
    const expiresInMs = readExpiry(options);
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    await this.#host.send(this.capability, type, bytes, expiresInMs);
  }

  async #drain(): Promise<void> {
    if (this.#handling) return;
    this.#handling = true;
    while (this.#handler !== undefined) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      try {
        const done = this.#handler(message);
        if (done !== undefined) await done;
      } catch (cause) {
        this.#host.failed(cause);
      }
    }
    this.#handling = false;
  }
}

function readQueueLimit(options: ChannelOptions = {}): number {
  if (!isOptions(options)) throw wrongOption("options", `must be an object, not ${kindOf(options)}`);
  const { maxQueuedMessages }: ChannelOptions = options;
  refuseUnknown("options", options, { maxQueuedMessages: true });
  return count("options.maxQueuedMessages", maxQueuedMessages, QUEUE_LIMIT);
}

function readExpiry(options: SendOptions | undefined): number | undefined {
  const { expiresInMs } = durations("options", options, { expiresInMs: 0 });
  return expiresInMs === 0 ? undefined : expiresInMs;
}
