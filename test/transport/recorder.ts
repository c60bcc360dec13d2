import { onTestFinished } from "vitest";
import type { OpAMPError } from "../../src/errors.js";
import { createTransport } from "../../src/transport/create-transport.js";
import type { TransportSettings } from "../../src/transport/settings/settings.js";
import { CLOSE_NOW, type Loss, type Sink, type Transport } from "../../src/transport/transport.js";
import { Arrivals } from "./arrivals.js";

/** One call of a sink. */
export type Heard =
  | { type: "opened" }
  | { type: "stale" }
  | { type: "payload"; bytes: Uint8Array }
  | { type: "pong" }
  | { type: "alive" }
  | { type: "malformed"; error: OpAMPError }
  | { type: "lost"; loss: Loss };

type Of<T extends Heard["type"]> = Extract<Heard, { type: T }>;

/** A sink that keeps what it hears, in order, for a test to ask for. */
export class Recorder {
  readonly #calls = new Arrivals<Heard>();
  /** What it heard of the connections made for messages. */
  readonly dials = new Arrivals<"dialing" | "dialed">();
  /** How many times it heard that more has left, or come. */
  pieces = 0;
  readonly sink: Sink = {
    opened: () => this.#calls.push({ type: "opened" }),
    dialing: () => this.dials.push("dialing"),
    dialed: () => this.dials.push("dialed"),
    progress: () => {
      this.pieces += 1;
    },
    stale: () => this.#calls.push({ type: "stale" }),
    payload: (bytes) => this.#calls.push({ type: "payload", bytes }),
    pong: () => this.#calls.push({ type: "pong" }),
    alive: () => this.#calls.push({ type: "alive" }),
    malformed: (error) => this.#calls.push({ type: "malformed", error }),
    lost: (loss) => this.#calls.push({ type: "lost", loss }),
  };

  /** All that was heard, by type. */
  get heard(): readonly Heard["type"][] {
    return this.#calls.all.map(({ type }) => type);
  }

  /** What comes next, which has to be of this type. */
  async next<T extends Heard["type"]>(type: T): Promise<Of<T>> {
    const heard = await this.#calls.next();
    if (is(heard, type)) return heard;
    throw new Error(`heard "${heard.type}", not "${type}"`, { cause: heard });
  }

  /** What comes next, which has to be of one of these types. */
  async nextOf(types: readonly Heard["type"][]): Promise<Heard> {
    const heard = await this.#calls.next();
    if (types.includes(heard.type)) return heard;
    throw new Error(`heard "${heard.type}", not one of ${types.join(", ")}`, { cause: heard });
  }

  async lost(): Promise<Loss> {
    return (await this.next("lost")).loss;
  }

  async payload(): Promise<number[]> {
    return [...(await this.next("payload")).bytes];
  }
}

function is<T extends Heard["type"]>(heard: Heard, type: T): heard is Of<T> {
  return heard.type === type;
}

/** What the 16-byte uid header says in these tests. */
export const UID_TEXT = "0199a7f0-0000-7000-8000-000000000001";

/** Settings that matter, and whether to find out what gets through instead of going by the URL's scheme. */
export type TestSettings = Partial<TransportSettings> & { auto?: boolean; now?: () => number };

/** A transport for the URL, with whatever settings matter. */
export function transportTo(url: string, { auto, now, ...settings }: TestSettings = {}): Transport {
  const all: TransportSettings = {
    url: new URL(url),
    authorization: undefined,
    headers: undefined,
    maxSendBytes: 1_000_000,
    maxReceiveBytes: 1_000_000,
    tls: undefined,
    proxy: false,
    keepAlive: false,
    compression: false,
    maxRedirects: 5,
    clock: { wallNow: () => Date.now(), now: now ?? (() => performance.now()) },
    instanceUid: () => UID_TEXT,
    ...settings,
  };
  const kind = url.startsWith("ws") ? "websocket" : "http";
  return createTransport(auto === true ? "auto" : kind, all);
}

/** A transport that has been told to open, and what it tells. */
export interface Dialled {
  transport: Transport;
  ear: Recorder;
}

/** Dials; what is still open when the test ends is cut. */
export function dial(url: string, settings: TestSettings = {}): Dialled {
  const transport = transportTo(url, settings);
  const ear = new Recorder();
  transport.open(ear.sink);
  onTestFinished(() => transport.close(CLOSE_NOW, "end of test"));
  return { transport, ear };
}

/** Dials and waits until the link is open. */
export async function connect(url: string, settings: TestSettings = {}): Promise<Dialled> {
  const dialled = dial(url, settings);
  await dialled.ear.next("opened");
  return dialled;
}
