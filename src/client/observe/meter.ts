import { isPromise } from "node:util/types";
import type { Phase } from "../../core/phases.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { PhaseEvent } from "../events.js";
import type { CounterLike, MeterLike } from "../options.js";
import type { ClientEvent, Observer } from "./client-event.js";

type Attributes = Record<string, string>;

type Instruments = ReturnType<typeof makeInstruments>;

interface Metered {
  meter: MeterLike;
  /** In which it is counted. */
  phase: Phase | undefined;
  transport: string | undefined;
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
export function meterEvents(meter: MeterLike, failed: (error: OpAMPError) => void): Observer {
  const client: Metered = { meter, phase: undefined, transport: undefined };
  let isBroken = false;
  return (event) => {
    if (isBroken) return;
    try {
      measure(client, event);
    } catch (cause) {
      // Before it is reported: errors are measured too.
      isBroken = true;
      const text = `the meter failed and is not used any more: ${messageOf(cause)}`;
      failed(new OpAMPError("ERR_OPAMP_HANDLER", text, { cause, hint: "correct the `meter` option" }));
    }
  };
}

function measure(client: Metered, event: ClientEvent): void {
  switch (event.type) {
    case "sent":
    case "received": {
      const { messages, bytes } = instrumentsOf(client.meter)[event.type];
      const attributes = transportAttributes(client.transport);
      add(messages, 1, attributes);
      return add(bytes, event.bytes, attributes);
    }
    case "phase":
      client.transport = event.event.transport;
      return measurePhase(client, event.event);
    case "offer": {
      if (event.durationMs === undefined) return;
      const attributes = { "opamp.offer.kind": event.kind, "opamp.offer.status": event.status };
      const { applyDuration } = instrumentsOf(client.meter);
      return guard(applyDuration?.record(event.durationMs / MS_PER_S, attributes));
    }
    case "error":
      return add(instrumentsOf(client.meter).failures, 1, { [ERROR]: event.error.code });
    default:
      return;
  }
}

/** The client counts in the phase in which it is; one that has stopped is in none. */
function measurePhase(client: Metered, { phase, previous, reason, error, transport }: PhaseEvent): void {
  const instruments = instrumentsOf(client.meter);
  const left = client.phase;
  const entered = phase === "stopped" ? undefined : phase;
  client.phase = entered;
  if (instruments.phase !== undefined && left !== entered) {
    if (left !== undefined) add(instruments.phase, -1, { [PHASE]: left });
    if (entered !== undefined) add(instruments.phase, 1, { [PHASE]: entered });
  }
  const attributes = transportAttributes(transport);
  if (phase === "online" && previous !== "online") add(instruments.connections, 1, attributes);
  if (phase !== "waiting") return;
  if (reason === "throttled") add(instruments.pauses, 1);
  if (error !== undefined) add(instruments.connectFailures, 1, { ...attributes, [ERROR]: error.code });
}

function add(counter: CounterLike, value: number, attributes?: Attributes): void {
  guard(counter.add(value, attributes));
}

/** What somebody else wrote may be async, and reject. */
function guard(done: unknown): void {
  if (isPromise(done)) done.catch(() => undefined);
}

function transportAttributes(transport: string | undefined): Attributes {
  return transport === undefined ? {} : { [TRANSPORT]: transport };
}

function instrumentsOf(meter: MeterLike): Instruments {
  let instruments = made.get(meter);
  if (instruments === undefined) {
    instruments = makeInstruments(meter);
    made.set(meter, instruments);
  }
  return instruments;
}

function makeInstruments(meter: MeterLike) {
  const count = (name: string, unit: string, description: string): CounterLike =>
    meter.createCounter(`opamp.client.${name}`, { unit, description });
  return {
    sent: {
      messages: count("messages.sent", "{message}", "Messages sent to the OpAMP server."),
      bytes: count("bytes.sent", "By", "Size of the messages sent, uncompressed."),
    },
    received: {
      messages: count("messages.received", "{message}", "Messages received from the OpAMP server."),
      bytes: count("bytes.received", "By", "Size of the messages received, uncompressed."),
    },
    connections: count("connections", "{connection}", "Times that the server was reached."),
    connectFailures: count("connect.failures", "{failure}", "Connections that could not be made, or broke."),
    failures: count("failures", "{failure}", "Failures of any kind."),
    pauses: count("pauses", "{pause}", "Pauses that the server asked for."),
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
}
