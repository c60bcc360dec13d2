import { isPromise } from "node:util/types";
import type { Phase } from "../../core/phases.js";
import { messageOf, OpAMPError, type OpAMPErrorCode } from "../../errors.js";
import type { CounterLike, HistogramLike, MeterLike } from "../options.js";

type Attributes = Record<string, string>;

interface Instruments {
  messagesSent: CounterLike;
  messagesReceived: CounterLike;
  bytesSent: CounterLike;
  bytesReceived: CounterLike;
  connections: CounterLike;
  connectFailures: CounterLike;
  failures: CounterLike;
  pauses: CounterLike;
  phase: CounterLike | undefined;
  applyDuration: HistogramLike | undefined;
}

const TRANSPORT = "opamp.transport";
const PHASE = "opamp.phase";
const ERROR = "error.type";
const MS_PER_S = 1_000;
const APPLY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** The instruments of each meter, shared by all clients that have it. */
const made = new WeakMap<MeterLike, Instruments>();

/**
 * Measures what a client does. All instruments are added to, none is observed, so that the numbers of several clients
 * add up, and a client leaves nothing behind when it stops. A meter that throws is given up.
 */
export class Metering {
  readonly #meter: MeterLike;
  readonly #failed: (error: OpAMPError) => void;
  #broken = false;
  /** The phase in which the client is counted. */
  #phase: Phase | undefined;

  constructor(meter: MeterLike, failed: (error: OpAMPError) => void) {
    this.#meter = meter;
    this.#failed = failed;
  }

  sent(bytes: number, transport: string | undefined): void {
    this.#measure(({ messagesSent, bytesSent }) => {
      const attributes = transportAttributes(transport);
      messagesSent.add(1, attributes);
      bytesSent.add(bytes, attributes);
    });
  }

  received(bytes: number, transport: string | undefined): void {
    this.#measure(({ messagesReceived, bytesReceived }) => {
      const attributes = transportAttributes(transport);
      messagesReceived.add(1, attributes);
      bytesReceived.add(bytes, attributes);
    });
  }

  failure(code: OpAMPErrorCode): void {
    this.#measure(({ failures }) => failures.add(1, { [ERROR]: code }));
  }

  connectFailure(code: OpAMPErrorCode, transport: string | undefined): void {
    this.#measure(({ connectFailures }) =>
      connectFailures.add(1, { ...transportAttributes(transport), [ERROR]: code }),
    );
  }

  connected(transport: string | undefined): void {
    this.#measure(({ connections }) => connections.add(1, transportAttributes(transport)));
  }

  paused(): void {
    this.#measure(({ pauses }) => pauses.add(1));
  }

  /** Counts the client in the phase in which it is; one that has stopped is in none. */
  phase(phase: Phase): void {
    const previous = this.#phase;
    const next = phase === "stopped" ? undefined : phase;
    if (previous === next) return;
    this.#phase = next;
    this.#measure((instruments) => {
      if (previous !== undefined) instruments.phase?.add(-1, { [PHASE]: previous });
      if (next !== undefined) instruments.phase?.add(1, { [PHASE]: next });
    });
  }

  applied(kind: string, status: string, durationMs: number): void {
    const attributes = { "opamp.offer.kind": kind, "opamp.offer.status": status };
    this.#measure(({ applyDuration }) => applyDuration?.record(durationMs / MS_PER_S, attributes));
  }

  #measure(measure: (instruments: Instruments) => unknown): void {
    if (this.#broken) return;
    try {
      const done = measure(instrumentsOf(this.#meter));
      if (isPromise(done)) done.catch(() => undefined);
    } catch (cause) {
      // Before it is told: telling is measured too.
      this.#broken = true;
      const text = `the meter failed and is not used any more: ${messageOf(cause)}`;
      this.#failed(new OpAMPError("ERR_OPAMP_HANDLER", text, { cause, hint: "correct the `meter` option" }));
    }
  }
}

function transportAttributes(transport: string | undefined): Attributes {
  return transport === undefined ? {} : { [TRANSPORT]: transport };
}

function instrumentsOf(meter: MeterLike): Instruments {
  const known = made.get(meter);
  if (known !== undefined) return known;
  const count = (name: string, unit: string, description: string): CounterLike =>
    meter.createCounter(`opamp.client.${name}`, { unit, description });
  const instruments: Instruments = {
    messagesSent: count("messages.sent", "{message}", "Messages sent to the OpAMP server."),
    messagesReceived: count("messages.received", "{message}", "Messages received from the OpAMP server."),
    bytesSent: count("bytes.sent", "By", "Size of the messages sent, uncompressed."),
    bytesReceived: count("bytes.received", "By", "Size of the messages received, uncompressed."),
    connections: count("connections", "{connection}", "Times that the server was reached."),
    connectFailures: count("connect.failures", "{failure}", "Connections that could not be made, or broke."),
    failures: count("failures", "{failure}", "Failures of any kind."),
    pauses: count("pauses", "{pause}", "Pauses at the server's wish."),
    phase: meter.createUpDownCounter?.("opamp.client.phase", {
      unit: "{client}",
      description: "Clients by the phase of their link.",
    }),
    applyDuration: meter.createHistogram?.("opamp.client.apply.duration", {
      unit: "s",
      description: "Time from an offer to its end.",
      advice: { explicitBucketBoundaries: APPLY_SECONDS },
    }),
  };
  made.set(meter, instruments);
  return instruments;
}
