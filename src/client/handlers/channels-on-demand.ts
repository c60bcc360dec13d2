import type { Input } from "../../core/io.js";
import type { OpAMPError } from "../../errors.js";
import type { ChannelOptions, CustomChannel } from "./custom-channel.js";
import { CustomChannels } from "./custom-channels.js";

/** The custom channels, made when the first capability is registered: most agents have none. */
export class ChannelsOnDemand {
  readonly #feed: (input: Input) => void;
  readonly #failed: (error: OpAMPError) => void;
  readonly #expiresInMs: number;
  #channels: CustomChannels | undefined;

  /** @param expiresInMs how long messages may wait whose sender says nothing about it */
  constructor(feed: (input: Input) => void, failed: (error: OpAMPError) => void, expiresInMs: number) {
    this.#feed = feed;
    this.#failed = failed;
    this.#expiresInMs = expiresInMs;
  }

  /** The channels, if there are any. */
  get current(): CustomChannels | undefined {
    return this.#channels;
  }

  /** @throws OpAMPError `ERR_OPAMP_CAPABILITY`, `ERR_OPAMP_OPTION` */
  register(name: string, options: ChannelOptions | undefined): CustomChannel {
    this.#channels ??= new CustomChannels(this.#feed, this.#failed, this.#expiresInMs);
    return this.#channels.register(name, options);
  }
}
