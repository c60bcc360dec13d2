import type { Notice } from "../../core/io.js";
import { Part, type PartSet, partNames } from "../../core/parts.js";
import { bytesText } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { OpAMPError, type OpAMPErrorCode } from "../../errors.js";
import type { ClientEvent, ErrorCount, Failed } from "../observe/client-event.js";
import { toError } from "./phase-event.js";

const UNDELIVERED_HINT =
  "make it smaller, or see what cuts the connection before it has arrived; it is sent again when it changes, or when the server asks for everything";

/** The parts of the client that notices are about. */
interface NoticeParts {
  readonly handlers: { effectiveConfigLate(): void };
  /** `undefined` where the server may offer no connection settings. */
  readonly settings: { attemptFailed(error: OpAMPError): void } | undefined;
  readonly failed: Failed;
  readonly redactor: Redactor;
}

/** Makes what the core noticed an event or an error for those who observe the client. */
export function takeNotice(
  notice: Notice,
  { handlers, settings, failed, redactor }: NoticeParts,
  notify: (event: ClientEvent) => void,
): void {
  const fail = (code: OpAMPErrorCode, text: string, counts?: ErrorCount, hint?: string): void =>
    failed(new OpAMPError(code, text, { hint }), false, counts);
  switch (notice.kind) {
    case "ignored":
      return notify({ type: "ignored", what: notice.what });
    case "noHash": {
      const message = `the server offers ${notice.what} without a hash; its content decides whether an offer is new`;
      const hint = "have the server set the hash (config_hash): then the status says which offer it is about";
      return notify({ type: "warning", event: { code: "offer-without-hash", message, hint } });
    }
    case "customWaits":
      return notify({ type: "customWaits", capability: notice.capability });
    case "storm":
      return notify({ type: "storm" });
    case "settingsWait": {
      const message = `the server moves this agent too often: its newest settings wait for ${Math.ceil(notice.forMs / 60_000)} min`;
      const hint = "have the server offer settings less often, or raise connectionSettings.opamp.maxPerHour";
      return notify({ type: "warning", event: { code: "settings-wait", message, hint } });
    }
    case "silent":
      return notify({ type: "silent", afterMs: notice.afterMs });
    case "serverError": {
      const { error: type } = notice;
      // A server that is sent secrets of another one may repeat them.
      const message = settings ? redactor.text(notice.message) : notice.message;
      if (type === "unavailable") settings?.attemptFailed(unavailable(message));
      return notify({ type: "serverError", event: { type, message, dropped: namesOf(notice.dropped) } });
    }
    case "malformed":
      settings?.attemptFailed(toError(notice.error));
      return failed(toError(notice.error), false, "malformed");
    case "foreignUid": {
      const text = `dropped a message for ${bytesText(notice.uid)}, which is another agent`;
      settings?.attemptFailed(new OpAMPError("ERR_OPAMP_FOREIGN_UID", text));
      return fail("ERR_OPAMP_FOREIGN_UID", text, "malformed");
    }
    case "badNewUid": {
      const hint = "have the server assign 16 bytes that are not all zero; the agent keeps the uid that it has";
      const text = `ignored the instance uid that the server assigned: it ${notice.problem}`;
      return failed(new OpAMPError("ERR_OPAMP_MALFORMED", text, { hint }), false, "malformed");
    }
    case "dropped": {
      const text = `gave up on ${namesOf(notice.parts).join(", ") || "a message"}: the message is too large`;
      return fail("ERR_OPAMP_TOO_LARGE", text, "dropped");
    }
    case "undelivered": {
      const { parts, bytes, attempts } = notice;
      const text = `gave up on ${namesOf(parts).join(", ")}, ${bytes} bytes: ${attempts} attempts to send it ended without an answer`;
      return fail("ERR_OPAMP_TOO_LARGE", text, "dropped", UNDELIVERED_HINT);
    }
    case "effectiveConfigLate": {
      handlers.effectiveConfigLate();
      const text = `effectiveConfig did not return within ${notice.afterMs} ms; reporting without it`;
      return fail("ERR_OPAMP_HANDLER", text);
    }
    default:
      return notice satisfies never;
  }
}

function namesOf(parts: PartSet): readonly string[] {
  return partNames.filter((name) => (parts & Part[name]) !== 0);
}

function unavailable(text: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_THROTTLED", `the server answered UNAVAILABLE: ${text}`);
}
