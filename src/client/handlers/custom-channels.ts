import { isUint8Array } from "node:util/types";
import { create } from "@bufbuild/protobuf";
import { count, durations, isObject, refuseUnknown, wrongKind } from "../../base/checks.js";
import { isCustomCapability } from "../../base/custom-capability.js";
import type { CustomFate, Input } from "../../core/io.js";
import { messageOf, OpAMPError, type OpAMPErrorCode } from "../../errors.js";
import { CustomCapabilitiesSchema, type CustomMessage } from "../../gen/opamp/v1/opamp_pb.js";
import type { ChannelOptions, CustomMessageReceived, SendOptions } from "../options.js";

const QUEUE_LIMIT = 10;

type Failure = readonly [code: OpAMPErrorCode, text: string, hint?: string];

/** Why a send fails, by what became of the message. */
const FAILURES: Record<Exclude<CustomFate, "delivered">, Failure> = {
  refused: ["ERR_OPAMP_REJECTED", "the server refused the custom message"],
  oversized: ["ERR_OPAMP_TOO_LARGE", "the custom message is over the size limit"],
  full: ["ERR_OPAMP_QUEUE_FULL", "too many custom messages are waiting for the server"],
  expired: [
    "ERR_OPAMP_TIMEOUT",
    "the custom message could not be sent in time",
    "check that the server can be reached and announces the capability, or let the message wait longer",
  ],
  unanswered: [
    "ERR_OPAMP_TIMEOUT",
    "the connection was lost before the custom message was known to have arrived",
    "it may have arrived or not: have the receiver accept it twice, or let it wait longer to be sent again",
  ],
  forgotten: ["ERR_OPAMP_CAPABILITY", "the capability was unregistered before the message left"],
};

/**
 * One use of a custom capability. Several may share a capability; each gets every message.
 *
 * Messages go to the handler set with {@link CustomChannel.onMessage}, else to the iterator. Up to ten
 * wait, or as many as {@link ChannelOptions} say; when that is not enough, the newest is dropped and counted.
 */
export class CustomChannel implements AsyncIterable<CustomMessageReceived> {
  readonly capability: string;
  readonly #channels: CustomChannels;
  readonly #maxQueued: number;
  readonly #queue: CustomMessageReceived[] = [];
  readonly #readers: ((result: IteratorResult<CustomMessageReceived, undefined>) => void)[] = [];
  #handler: ((message: CustomMessageReceived) => void | Promise<void>) | undefined;
  #handling = false;
  #dropped = 0;
  #closed = false;

  /** @throws OpAMPError `ERR_OPAMP_OPTION` */
  constructor(capability: string, channels: CustomChannels, options: ChannelOptions | undefined) {
    this.capability = capability;
    this.#channels = channels;
    this.#maxQueued = readQueueLimit(options);
  }

  /** How many messages were dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Sends a message. It waits while there is no connection, or while the server has not announced the capability
   * (CUSTOM-04), and it is never merged with another. The promise may be ignored: it never causes
   * an unhandled rejection. A message that is on its way or about to leave keeps the process alive. One that waits for a
   * retry does not, nor does one without an expiry whose capability the server has not announced.
   *
   * A message whose time is up is dropped. One that has left is not, unless the connection is lost before it is known to have
   * arrived: then it is not sent again, and may or may not have arrived.
   *
   * @param data text is sent as UTF-8
   * @returns when the far end of the connection has read it, which does not say that the server has acted on it: over
   * WebSocket on the pong to a ping behind it or, where there are no pongs, on the answer to a later message; over HTTP on
   * its answer
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

  /** Sets the handler, which gets one message at a time; if it fails, that is an `error` event. `undefined` removes it. */
  onMessage(handler: ((message: CustomMessageReceived) => void | Promise<void>) | undefined): void {
    this.#handler = handler;
    void this.#drain();
  }

  /**
   * Receives no more messages, and drops those that wait. With the last channel of a capability, the agent stops announcing
   * it.
   */
  unregister(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    this.#channels.unregister(this);
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
    if (this.#channels.stopped !== undefined) throw this.#channels.stopped;
    if (this.#closed) throw new OpAMPError("ERR_OPAMP_CAPABILITY", `${this.capability} is no longer registered`);
    if (typeof type !== "string") throw wrongKind("type", "a string", type);
    if (typeof data !== "string" && !isUint8Array(data)) throw wrongKind("data", "a string or a Uint8Array", data);
    const { expiresInMs } = durations("options", options, { expiresInMs: this.#channels.expiresInMs });
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    await this.#channels.send(this.capability, type, bytes, expiresInMs);
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
        this.#channels.failed(cause);
      }
    }
    this.#handling = false;
  }
}

function readQueueLimit(options: ChannelOptions = {}): number {
  if (!isObject(options)) throw wrongKind("options", "an object", options);
  const { maxQueuedMessages }: ChannelOptions = options;
  refuseUnknown("options", options, { maxQueuedMessages: true });
  return count("options.maxQueuedMessages", maxQueuedMessages, QUEUE_LIMIT);
}

interface Settle {
  capability: string;
  resolve: () => void;
  reject: (error: OpAMPError) => void;
}

/** The custom capabilities in use, the channels that use them, and the sends under way. */
export class CustomChannels {
  readonly #custom: { waitsFor(capability: string): boolean };
  readonly #feed: (input: Input) => void;
  readonly #report: (error: OpAMPError) => void;
  /** How long messages may wait whose sender says nothing about it. */
  readonly expiresInMs: number;
  /** Why nothing can be sent any more, if that is so. */
  stopped: OpAMPError | undefined;
  readonly #channels = new Map<string, Set<CustomChannel>>();
  readonly #sends = new Map<number, Settle>();
  #lastId = 0;

  /** @param custom knows what the server has announced */
  constructor(
    custom: { waitsFor(capability: string): boolean },
    feed: (input: Input) => void,
    report: (error: OpAMPError) => void,
    expiresInMs: number,
  ) {
    this.#custom = custom;
    this.#feed = feed;
    this.#report = report;
    this.expiresInMs = expiresInMs;
  }

  /** @throws OpAMPError `ERR_OPAMP_CAPABILITY` when the name is not a reverse domain name and a short name */
  register(capability: string, options?: ChannelOptions): CustomChannel {
    if (!isCustomCapability(capability)) {
      throw new OpAMPError("ERR_OPAMP_CAPABILITY", `${JSON.stringify(capability)} is not a custom capability name`);
    }
    const channel = new CustomChannel(capability, this, options);
    const channels = this.#channels.get(capability);
    if (channels !== undefined) channels.add(channel);
    else {
      this.#channels.set(capability, new Set([channel]));
      this.#announce();
    }
    return channel;
  }

  unregister(channel: CustomChannel): void {
    const channels = this.#channels.get(channel.capability);
    if (channels?.delete(channel) !== true || channels.size > 0) return;
    this.#channels.delete(channel.capability);
    this.#feed({ type: "forgetCustom", capability: channel.capability });
    this.#announce();
  }

  send(capability: string, type: string, data: Uint8Array, expiresInMs: number): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#sends.set(id, { capability, resolve, reject });
      this.#feed({ type: "custom", id, message: { capability, type, data: new Uint8Array(data) }, expiresInMs });
    });
  }

  failed(cause: unknown): void {
    // A handler that waited for a send is not to blame for the end of the client.
    if (this.stopped !== undefined && cause instanceof OpAMPError && cause.code === "ERR_OPAMP_STOPPED") return;
    this.#report(
      new OpAMPError("ERR_OPAMP_HANDLER", `a custom message handler failed: ${messageOf(cause)}`, { cause }),
    );
  }

  /** A message from the server, for every channel of its capability; others ignore it (CUSTOM-05). */
  deliver(message: CustomMessage): void {
    for (const channel of this.#channels.get(message.capability) ?? []) {
      channel.deliver({ type: message.type, data: new Uint8Array(message.data) });
    }
  }

  settled(id: number, fate: CustomFate): void {
    const send = this.#sends.get(id);
    if (send === undefined) return;
    this.#sends.delete(id);
    if (fate === "delivered") return send.resolve();
    const [code, text, hint] = FAILURES[fate];
    send.reject(new OpAMPError(code, text, { hint }));
  }

  /** Ends every channel and every send. */
  stop(error: OpAMPError): void {
    this.stopped = error;
    for (const { capability, reject } of this.#sends.values()) {
      reject(this.#custom.waitsFor(capability) ? neverAnnounced(capability, error) : error);
    }
    this.#sends.clear();
    for (const channels of [...this.#channels.values()]) {
      for (const channel of [...channels]) channel.unregister();
    }
  }

  #announce(): void {
    const capabilities = [...this.#channels.keys()].sort();
    this.#feed({
      type: "set",
      parts: { customCapabilities: create(CustomCapabilitiesSchema, { capabilities }) },
    });
  }
}

function neverAnnounced(capability: string, cause: OpAMPError): OpAMPError {
  const text = `${cause.message}; it waited for the capability ${capability}, which the server never announced`;
  const hint = "have the server announce the capability in custom_capabilities";
  return new OpAMPError(cause.code, text, { cause, hint });
}
