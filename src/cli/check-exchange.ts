import { OpAMPClient } from "../client/client.js";
import { OpAMPError } from "../errors.js";
import type { DiagnoseOptions, Finding } from "./diagnosis.js";

/** The two halves of an exchange, and its end. None of them is left without an outcome. */
export interface Exchange {
  /** The upgrade was accepted, or a POST can be made. */
  opened: Promise<Finding>;
  /** The server answered the report. */
  answered: Promise<Finding>;
  /** Everything is closed. Never rejects. */
  ended: Promise<void>;
}

const DISCONNECT_MS = 1_000;

/** Reports once, under a uid that nobody has seen before, and disconnects. The first failure is the last attempt. */
export function checkExchange({ timeoutMs, words: _, ...network }: DiagnoseOptions): Exchange {
  const client = new OpAMPClient({
    ...network,
    description: { identifying: { "service.name": "opamp-doctor" } },
    timeouts: { connectMs: timeoutMs, answerMs: timeoutMs },
    heartbeat: { intervalMs: Math.max(timeoutMs, 30_000) },
    keepAlive: true,
  });
  const opened = outcome();
  const answered = outcome();
  client.on("phase", ({ phase, answered: hasAnswer, error, reason, transport }) => {
    if (phase === "reporting") {
      const how = transport === "http" ? "requests can be made" : "the upgrade to WebSocket was accepted";
      opened.resolve({ detail: how });
    } else if (phase === "online" && hasAnswer) {
      const detail = `the server answered; it ${describeCapabilities(client.serverCapabilities)}`;
      // That the answer is an error is told next.
      queueMicrotask(() => answered.resolve({ detail }));
    } else if (phase === "online") {
      const text = `the server took the report and did not answer within ${timeoutMs} ms`;
      answered.reject(new OpAMPError("ERR_OPAMP_TIMEOUT", text, { hint: "look at the server's log" }));
    } else if (phase === "waiting" || phase === "closing") {
      fail(error ?? new OpAMPError("ERR_OPAMP_THROTTLED", `the server sent the client away (${reason})`));
    }
  });
  client.on("serverError", ({ type, message }) => {
    const code = type === "unavailable" ? "ERR_OPAMP_THROTTLED" : "ERR_OPAMP_REJECTED";
    fail(new OpAMPError(code, `the server answered with an error (${type}): ${message}`));
  });
  // An answer that cannot be read leaves a WebSocket up, on which nothing more need come.
  client.on("error", fail);
  function fail(error: OpAMPError): void {
    opened.reject(error);
    answered.reject(error);
  }
  client.start();
  const ended = answered.promise.then(ignore, ignore).then(() => client.stop({ timeoutMs: DISCONNECT_MS }));
  return { opened: opened.promise, answered: answered.promise, ended };
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
