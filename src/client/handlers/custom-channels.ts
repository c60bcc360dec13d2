import { create } from "@bufbuild/protobuf";
import type { CustomFate, Input } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { CustomCapabilitiesSchema, type CustomMessage } from "../../gen/opamp/v1/opamp_pb.js";
import { type ChannelHost, type ChannelOptions, CustomChannel } from "./custom-channel.js";

/** Reverse domain name, a dot, a short name, and perhaps a version (CUSTOM-03). */
const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+(\/[\w.-]+)?$/i;

interface Settle {
  resolve: () => void;
  reject: (error: OpAMPError) => void;
}

/** The custom capabilities in use, the channels that use them, and the sends under way. */
export class CustomChannels implements ChannelHost {
  readonly #feed: (input: Input) => void;
  readonly #report: (error: OpAMPError) => void;
  readonly #expiresInMs: number;
  readonly #channels = new Map<string, Set<CustomChannel>>();
  readonly #sends = new Map<number, Settle>();
  #lastId = 0;
  #stopped: OpAMPError | undefined;

  /** @param expiresInMs how long messages may wait whose sender says nothing about it */
  constructor(feed: (input: Input) => void, report: (error: OpAMPError) => void, expiresInMs: number) {
    this.#feed = feed;
    this.#report = report;
    this.#expiresInMs = expiresInMs;
  }

  get stopped(): OpAMPError | undefined {
    return this.#stopped;
  }

  /** @throws OpAMPError `ERR_OPAMP_CAPABILITY` when the name is not a reverse domain name and a short name */
  register(capability: string, options?: ChannelOptions): CustomChannel {
    if (typeof capability !== "string" || !NAME.test(capability)) {
      throw new OpAMPError("ERR_OPAMP_CAPABILITY", `${JSON.stringify(capability)} is no custom capability name`);
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

  send(capability: string, type: string, data: Uint8Array, expiresInMs = this.#expiresInMs): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#sends.set(id, { resolve, reject });
      this.#feed({ type: "custom", id, message: { capability, type, data: new Uint8Array(data) }, expiresInMs });
    });
  }

  failed(cause: unknown): void {
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
    const error = errorFor(fate);
    if (error === undefined) send.resolve();
    else send.reject(error);
  }

  /** Ends every channel and every send. */
  stop(error: OpAMPError): void {
    this.#stopped = error;
    for (const send of this.#sends.values()) send.reject(error);
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

function errorFor(fate: CustomFate): OpAMPError | undefined {
  switch (fate) {
    case "delivered":
      return undefined;
    case "refused":
      return new OpAMPError("ERR_OPAMP_REJECTED", "the server refused the custom message");
    case "oversized":
      return new OpAMPError("ERR_OPAMP_TOO_LARGE", "the custom message is over the size limit");
    case "full":
      return new OpAMPError("ERR_OPAMP_QUEUE_FULL", "too many custom messages are waiting for the server");
    case "expired":
      return new OpAMPError("ERR_OPAMP_TIMEOUT", "the custom message could not be sent in time", {
        hint: "check that the server can be reached and announces the capability, or let the message wait longer",
      });
    case "unanswered":
      return new OpAMPError("ERR_OPAMP_TIMEOUT", "the connection was lost before the custom message was answered", {
        hint: "it may have arrived or not: have the receiver accept it twice, or let it wait longer to be sent again",
      });
    case "forgotten":
      return new OpAMPError("ERR_OPAMP_CAPABILITY", "the capability was unregistered before the message left");
    default:
      return fate satisfies never;
  }
}
