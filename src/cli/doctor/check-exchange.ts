import { OpAMPClient } from "../../client/client.js";
import { systemClock } from "../../client/clock.js";
import { readNetworkSettings } from "../../client/settings/network-settings.js";
import { OpAMPError } from "../../errors.js";
import { pauseText } from "../../transport/explain/connect-error.js";
import { parseEndpoint } from "../../transport/url/endpoint.js";
import type { DiagnoseOptions, Finding } from "./diagnosis.js";
import { type Seen, watchedTransport } from "./watched-transport.js";

/** The two halves of an exchange, and its end. None of them is left without an outcome. */
export interface Exchange {
  /** The upgrade was accepted, or a POST can be made. */
  opened: Promise<Finding>;
  /** The server answered the report. */
  answered: Promise<Finding>;
  /** What came by on the way; complete with the outcome. */
  seen: Seen;
  /** Everything is closed. Never rejects. */
  ended: Promise<void>;
}

const DISCONNECT_MS = 1_000;

/** Reports once, under a uid that nobody has seen before, and disconnects. The first failure is the last attempt. */
export function checkExchange(options: DiagnoseOptions): Exchange {
  const { timeoutMs } = options;
  const { transport, seen } = transportFor(options, () => client.instanceUid);
  const client = new OpAMPClient({
    transport,
    description: { identifying: { "service.name": "opamp-doctor" } },
    timeouts: { connectMs: timeoutMs, answerMs: timeoutMs },
    heartbeat: { intervalMs: Math.max(timeoutMs, 30_000) },
    keepAlive: true,
  });
  const opened = outcome();
  const answered = outcome();
  client.on("phase", ({ phase, answered: hasAnswer, error, reason }) => {
    if (phase === "reporting") opened.resolve({ detail: "the upgrade to WebSocket was accepted" });
    else if (phase === "online" && hasAnswer) {
      const detail = `the server answered; it ${describeCapabilities(client.serverCapabilities)}`;
      // That the answer is an error is told next.
      queueMicrotask(() => answered.resolve({ detail }));
    } else if (phase === "online") {
      const text = `the server accepted the report but did not answer within ${timeoutMs} ms`;
      answered.reject(new OpAMPError("ERR_OPAMP_TIMEOUT", text, { hint: "look at the server's log" }));
    } else if (phase === "waiting" || phase === "closing" || phase === "stopped") {
      fail(error ?? new OpAMPError("ERR_OPAMP_THROTTLED", `the server asked the client to leave (${reason})`));
    }
  });
  client.on("serverError", ({ type, message }) => {
    const code = type === "unavailable" ? "ERR_OPAMP_THROTTLED" : "ERR_OPAMP_REJECTED";
    const pause = seen.retryAfterMs === undefined ? "" : `; ${pauseText(seen.retryAfterMs)}`;
    fail(new OpAMPError(code, `the server answered with an error (${type}): ${message}${pause}`));
  });
  // An answer that cannot be read leaves a WebSocket up, on which nothing more need come.
  client.on("error", fail);
  function fail(error: OpAMPError): void {
    opened.reject(error);
    answered.reject(error);
  }
  client.start();
  const ended = answered.promise.then(ignore, ignore).then(() => client.stop({ timeoutMs: DISCONNECT_MS }));
  return { opened: opened.promise, answered: answered.promise, seen, ended };
}

function transportFor(options: DiagnoseOptions, instanceUid: () => string) {
  const { kind, url, authorization } = parseEndpoint(options.url);
  const { maxMessageBytes, ...network } = readNetworkSettings(options);
  return watchedTransport(kind, {
    ...network,
    url,
    authorization,
    headers: options.headers,
    mayLead: options.mayLead,
    maxSendBytes: maxMessageBytes.send,
    maxReceiveBytes: maxMessageBytes.receive,
    keepAlive: true,
    instanceUid,
    clock: systemClock(true),
  });
}

/** As the specification writes them. */
function describeCapabilities(names: ReadonlySet<string>): string {
  if (names.size === 0) return "declared no capabilities";
  return `declared ${[...names].map((name) => name.replace(/^./, (first) => first.toUpperCase())).join(", ")}`;
}

/** A promise to be settled from outside; nobody has to listen to it. */
function outcome() {
  let resolve: (finding: Finding) => void = () => undefined;
  let reject: (error: OpAMPError) => void = () => undefined;
  const promise = new Promise<Finding>((onFound, onFailed) => {
    resolve = onFound;
    reject = onFailed;
  });
  promise.catch(ignore);
  return { promise, resolve, reject };
}

function ignore(): void {}
