import { isPromise } from "node:util/types";
import { hexOf } from "../../base/bytes.js";
import { DAY_MS } from "../../base/time.js";
import { codeText, type LogFields, type Logger, type LogLevel, writeEntry } from "../../diagnostics/logger.js";
import { bytesText, LogLimit, oneLine } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import type { OpAMPError } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { ConnectionEvent, ConnectionFacts } from "../connection-options.js";
import type { PhaseEvent, WaitingEvent } from "../events.js";
import type { Observer, OfferMoved } from "./client-event.js";

/** What differs between failures that are the same: uids, hashes, sizes, and other long numbers, but not ports. */
const VARYING = /[0-9a-f-]{8,}|(?<![:\d])\d{4,}/gi;
const LONGEST_DETAIL = 300;
/** As much of a hash as tells one from another: the fields have the whole. */
const SHOWN_BYTES = 4;
/** For each state of the request for a certificate. */
const REQUESTS = {
  waiting: "Asking the server for a client certificate, once it takes such requests",
  requested: "The server has the request for a client certificate",
  refused: "The server has refused the request for a client certificate",
} as const;
/** Less than what is shown of a wait. */
const SOON_MS = 50;
/** Why there is no connection, where nothing failed. */
const WHY_AWAY: Readonly<Partial<Record<WaitingEvent["reason"], string>>> = {
  throttled: "The server asked for a pause",
  settings: "Disconnected to try the offered connection settings",
  rolledBack: "Gave up the offered connection settings",
};
const MS = { s: 1_000, min: 60_000, h: 3_600_000, d: DAY_MS } as const;

/**
 * Writes the log: a line for each thing that happens, and for what happens again and again one line now and then with a
 * count. Whatever comes from outside is shortened and stripped of secrets and line breaks. A logger cannot do harm.
 *
 * @param dialled the endpoint that was dialled last, where the server may change it
 */
export function logLines(
  logger: Logger,
  clock: Clock,
  redactor: Redactor,
  instanceUid: () => string,
  dialled: () => string | undefined = () => undefined,
): Observer {
  let limit = new LogLimit();
  /** Attempts to connect since the server was reached last, and when the first of them began. */
  let attempts = 0;
  let awayAt = 0;
  /** The log says that there is no connection, which must be corrected once there is one. */
  let saidAway = false;
  /** How far the last offer for the connection came. */
  let settings: ConnectionEvent["state"];
  const redact = (text: string): string => redactor.text(text);
  const shown = (text: string): string => oneLine(text, redact);
  const explained = ({ message, hint }: { message: string; hint: string }) => `${shown(message)} (${shown(hint)})`;
  const dialledField = (): LogFields => {
    const endpoint = dialled();
    return endpoint === undefined ? {} : { endpoint: shown(endpoint) };
  };
  const coded = (error: OpAMPError) => explained(error) + codeText(error.code);

  function write(level: LogLevel, text: string, fields: LogFields = {}): void {
    writeSafely(logger, level, text, { instanceUid: instanceUid(), ...fields });
  }

  /** @returns whether the line was written */
  function line(
    level: LogLevel,
    topic: string,
    detail: string,
    text: string,
    { always = false, ...fields }: LogFields & { always?: boolean } = {},
  ): boolean {
    const turn = limit.turn(topic, detail, clock.now(), clock.wallNow(), always);
    if (turn === undefined) return false;
    const since = new Date(turn.sinceMs).toTimeString().slice(0, "HH:MM".length);
    write(level, turn.times > 1 ? `${text} (${turn.times} times since ${since})` : text, fields);
    return true;
  }

  function phase(event: PhaseEvent, inMs: number | undefined): void {
    switch (event.phase) {
      case "connecting":
        if (attempts === 0) awayAt = clock.now();
        attempts += 1;
        break;
      case "waiting":
        saidAway = waiting(event, inMs) || saidAway;
        return;
      case "online":
        if (event.previous !== "online") return connected(event.transport);
        line("info", "answers", "", "The OpAMP server answers");
        return;
      case "closing":
        if (event.error !== undefined) write("error", coded(event.error), { code: event.error.code });
        break;
      case "stopped":
        if (event.error !== undefined) write("error", coded(event.error), { code: event.error.code });
        return write("info", "Client stopped.");
      default:
        break;
    }
    if (event.phase === "reporting") {
      // Over HTTP the first report is what connects.
      const text = event.transport === "http" ? "Sending the first report" : "Connected; sending the first report";
      return void line("debug", "phase", "reporting", text);
    }
    line("debug", "phase", `${event.phase} ${event.reason}`, `Connection is ${event.phase} (${event.reason})`);
  }

  function waiting({ error, previous, reason }: WaitingEvent, inMs: number | undefined): boolean {
    const wait = inMs === undefined ? "" : inMs < SOON_MS ? " at once" : ` in ${duration(inMs)}`;
    if (error !== undefined) {
      const why = `${shown(error.message)}; ${shown(error.hint)}; ${error.code}`;
      return line("warn", "link", detailOf(error), `Connection failed (${why}), will retry${wait}.`, {
        code: error.code,
        ...dialledField(),
      });
    }
    const detour = previous === "closing" ? "Disconnected" : "Trying another way to the server";
    const why = WHY_AWAY[reason] ?? detour;
    return line("info", "link", why, `${why}, will connect again${wait}.`);
  }

  function connected(transport: string | undefined): void {
    const over = transport === undefined ? "" : ` over ${shown(transport)}`;
    const after = attempts > 1 ? `, after ${attempts} attempts in ${duration(clock.now() - awayAt)}` : "";
    attempts = 0;
    const text = `Connected to the OpAMP server${over}${after}`;
    line("info", "connected", over, text, { always: saidAway, ...dialledField() });
    saidAway = false;
  }

  function offer({ title, hash, status, error }: OfferMoved): void {
    const whole = bytesText(hash);
    const name = hash.length === 0 ? "without a hash" : hexOf(hash.subarray(0, SHOWN_BYTES));
    const fields = { hash: whole };
    if (status !== "failed") line("info", `${title} ${status}`, whole, `${title} ${name} ${status}`, fields);
    else {
      const detail = `${whole} ${error.slice(0, LONGEST_DETAIL)}`;
      line("warn", `${title} failed`, detail, `${title} ${name} failed: ${shown(error)}`, fields);
    }
  }

  function certificate({ certificateRequest: request }: ConnectionEvent): void {
    if (request !== undefined) line("info", "certificate", request.state, REQUESTS[request.state]);
  }

  function connection(
    { state, endpoint, proxy, certificate }: ConnectionEvent,
    trying: ConnectionFacts | undefined,
  ): void {
    const before = settings;
    settings = state;
    // What fails with other settings is news, also where it is the same.
    if (state !== "candidate" && state !== "rejected") limit = new LogLimit();
    const fields = { endpoint: shown((trying ?? { endpoint }).endpoint) };
    const via = trying === undefined ? proxy : trying.proxy;
    const through = via === undefined ? "" : `, through the proxy ${shown(via)}`;
    if (trying !== undefined) {
      const text = `Trying the offered connection settings: ${fields.endpoint}${through}`;
      line("info", "connection", "trying", text, fields);
    } else if (state === "accepted") {
      const until = certificate && `, with a client certificate that ends on ${isoDate(certificate.validUntil)}`;
      const text = `The offered connection settings are in force: ${fields.endpoint}${through}${until ?? ""}`;
      line("info", "connection", state, text, fields);
    } else if (state === "rolledBack" && before === "verifying") {
      line("warn", "connection", state, `Rolled back to ${fields.endpoint}`, fields);
    }
  }

  return (event) => {
    switch (event.type) {
      case "phase":
        return phase(event.event, event.inMs);
      case "offer":
        return offer(event);
      case "error": {
        const { error, isLogged } = event;
        if (!isLogged) line("warn", error.code, detailOf(error), coded(error), { code: error.code });
        return;
      }
      case "errorListenerFailed": {
        const { error } = event;
        const text = shown(error.message) + codeText(error.code);
        return void line("error", "listener", detailOf(error), text, { code: error.code });
      }
      case "warning": {
        const { code } = event.event;
        const text = explained(event.event);
        if (code === "settings-wait") return void line("warn", code, "", text, { code });
        // In any case: it may say that the client is open to attack.
        return write("warn", text, { code });
      }
      case "connection":
        return event.isRequest ? certificate(event.event) : connection(event.event, event.trying);
      case "instanceUid": {
        const { instanceUid, previous } = event.event;
        const text = `The server renamed this agent from ${previous} to ${instanceUid}`;
        return void line("info", "renamed", instanceUid, text);
      }
      case "heartbeatInterval": {
        const { intervalMs } = event;
        return void line("info", "heartbeat", String(intervalMs), `Heartbeat interval is now ${intervalMs} ms`);
      }
      case "ignored":
        return void line("debug", "ignored", event.what.slice(0, LONGEST_DETAIL), `Ignoring ${shown(event.what)}`);
      case "customWaits": {
        const text = `Custom messages wait for the server to announce the capability ${shown(event.capability)}`;
        return void line("info", "custom waits", event.capability, text);
      }
      case "storm":
        return void line(
          "warn",
          "storm",
          "",
          "The server asks for everything over and over; it is answered less and less often",
        );
      case "silent": {
        const text = `The server has not answered the first report for ${event.afterMs} ms; going on`;
        return void line("warn", "silent", "", text);
      }
      case "serverError": {
        const { type, message } = event.event;
        const text = `Server returned an error response (${type}): ${shown(message)}`;
        return void line("warn", "server error", `${type} ${message.slice(0, LONGEST_DETAIL)}`, text);
      }
      default:
        return;
    }
  };
}

function writeSafely(logger: Logger, level: LogLevel, text: string, fields: LogFields): void {
  try {
    const done = writeEntry(logger, level, text, fields);
    if (isPromise(done)) done.catch(() => undefined);
  } catch {
    // A logger that throws has nowhere left to be reported to.
  }
}

/** What makes a failure another one. */
function detailOf({ code, message, httpStatus }: OpAMPError): string {
  return `${code} ${httpStatus ?? ""} ${message.slice(0, LONGEST_DETAIL).replace(VARYING, "#")}`;
}

/** A time as certificates have it: whole seconds. */
function isoDate(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}

function duration(ms: number): string {
  if (ms < 100 * MS.s) return `${(ms / MS.s).toFixed(1)} s`;
  if (ms < 100 * MS.min) return `${Math.round(ms / MS.min)} min`;
  if (ms < 2 * MS.d) return `${Math.round(ms / MS.h)} h`;
  return `${Math.round(ms / MS.d)} days`;
}
