import { codeOf, messageOf, OpAMPError } from "../../errors.js";
import { tooLarge } from "../../wire/limits.js";
import { brokeOff, dialFailed, handshakeFailed } from "../explain/connect-error.js";
import { dialOverdue, ended, headersOverdue, upgradeOverdue } from "../loss.js";
import { CLOSE_NOW, type Loss } from "../transport.js";
import type { Dial } from "./websocket-dial.js";

/** What is larger than the other side takes (RFC 6455, 7.4.1). */
const CLOSE_TOO_BIG = 1009;

/** What a dial that took too long was waiting for. */
export function overdueIn({ dialling, url, stage }: Dial): OpAMPError {
  if (dialling !== undefined) return dialOverdue(dialling, url);
  return stage === "dialling" ? headersOverdue() : upgradeOverdue(url);
}

/** Why a WebSocket was closed. */
export function closedBy({ stage, failure, url }: Dial, code: number, reason: Buffer, maxReceiveBytes: number): Loss {
  if (code !== CLOSE_NOW) {
    const why = reason.length === 0 ? "" : `: ${reason.toString("utf8")}`;
    const text = `${url.host} closed the connection (${code})${why}`;
    if (code === CLOSE_TOO_BIG) return { ...ended(new OpAMPError("ERR_OPAMP_TOO_LARGE", text)), fate: "refused" };
    return ended(new OpAMPError("ERR_OPAMP_CLOSED", text));
  }
  switch (stage) {
    case "dialling":
    case "asked":
      return dialFailed(failure, url);
    case "answered":
      return handshakeFailed(failure, url);
    case "open":
      return protocolBreach(failure, maxReceiveBytes) ?? brokeOff(failure, url);
    default:
      return stage satisfies never;
  }
}

/** What made ws itself end the link: a message over the limit (SIZE-03), or invalid frames. */
function protocolBreach(failure: unknown, maxReceiveBytes: number): Loss | undefined {
  const code = codeOf(failure);
  if (code === undefined) return undefined;
  if (code.startsWith("WS_ERR_UNSUPPORTED_") && code.endsWith("_LENGTH")) {
    return ended(tooLarge("receive", undefined, maxReceiveBytes));
  }
  if (!code.startsWith("WS_ERR_") && !code.startsWith("Z_")) return undefined;
  const text = `the server does not keep to the WebSocket protocol: ${messageOf(failure)}`;
  return ended(new OpAMPError("ERR_OPAMP_MALFORMED", text, { cause: failure }));
}
