import { isObject, wrongKind, wrongOption } from "../../base/checks.js";
import {
  checkByRules,
  isBytes,
  isOneOf,
  isText,
  isTextOrBytes,
  isTimes,
  isWholeNumber,
  type Rule,
} from "../../base/rules.js";
import { isHeaderValue } from "../link/http-link.js";
import type { Misbehaviour } from "./misbehaviour.js";

type Occasion = NonNullable<Misbehaviour["on"]>;
type ModeOn<On extends Occasion> = Exclude<Extract<Misbehaviour, { on?: On | undefined }>["mode"], undefined>;
type Members = Readonly<Record<string, Rule>>;

const WHERE = "misbehave";
const ON_CONNECT = { silence: {}, garbage: { bytes: isTextOrBytes }, "hang-up": {}, reset: {} };
/** The members that each mode has besides the common ones. */
const MODES: { readonly [On in Occasion]: Readonly<Record<ModeOn<On>, Members>> } = {
  connect: ON_CONNECT,
  request: { ...ON_CONNECT, redirect: { to: isHeaderValue, status: isWholeNumber(300, 399) } },
  message: {
    silence: {},
    garbage: { bytes: isBytes },
    oversize: { bytes: isWholeNumber(1, Number.MAX_SAFE_INTEGER) },
    "hang-up": {},
    reset: {},
    // Also codes that must never be sent.
    close: { code: isWholeNumber(0, 65_535), reason: isText },
  },
};
const NEEDED: Readonly<Record<string, string>> = { oversize: "bytes", close: "code" };

/** Throws ERR_OPAMP_OPTION for what is not a misbehaviour on one of these occasions. */
export function checkMisbehaviour(given: unknown, occasions: readonly [Occasion, ...Occasion[]]): void {
  if (!isObject(given)) throw wrongKind(WHERE, "given an object such as { mode }", given);
  const { on = "message", mode } = given;
  isOneOf(...occasions)(`${WHERE}.on`, on);
  const modes: Readonly<Record<string, Members>> = MODES[on as Occasion];
  isOneOf(...Object.keys(modes))(`${WHERE}.mode`, mode);
  const own = modes[String(mode)] ?? {};
  const anything: Rule = () => undefined;
  const transport = on === "connect" ? {} : { transport: isOneOf("ws", "http") };
  const rules = { mode: anything, on: anything, times: isTimes, ...transport, ...own };
  checkByRules<string>(WHERE, given, rules, [NEEDED[String(mode)] ?? "mode"]);
}

/** Throws ERR_OPAMP_OPTION for what a Close frame must not carry (RFC 6455, 5.5.1 and 7.4). */
export function checkClose(code: unknown, reason: unknown): void {
  const isCode = typeof code === "number" && Number.isSafeInteger(code);
  const isReserved = !isCode || code < 1000 || code > 4999 || [1004, 1005, 1006].includes(code) || code === 1015;
  if (isReserved || (code > 1014 && code < 3000)) {
    throw wrongOption("code", "must be a WebSocket close code that may be sent: 1000 to 1014, or 3000 to 4999");
  }
  isText("reason", reason);
  if (Buffer.byteLength(String(reason)) > MAX_REASON_BYTES) {
    throw wrongOption("reason", `must have at most ${MAX_REASON_BYTES} bytes`);
  }
}

const MAX_REASON_BYTES = 123;
