import { codeOf, messageOf, OpAMPError } from "../errors.js";

const FULL = "the disk or the quota is full: make room";
const READ_ONLY =
  "the file system is read-only: give the store a directory that can be written; until then a restart forgets what is new";
const FORBIDDEN =
  "this user may not use the store's directory: change its owner or its mode, or run the agent as its owner";
const TOO_MANY = "too many files are open: raise the limit (ulimit -n), or find what does not close them";
const NO_PLACE = "a part of the path is missing, or is not a directory: check the store's directory";

const READABLE = "make it readable for the user that the agent runs as, or run the agent as its owner";
/** What says that a file is not for this user. */
const HIDDEN: readonly string[] = ["EACCES", "EPERM"];

const LATER_HINT = "update opamp-client, or give the agent another directory for its state";

/** What to do about a file of another program. */
export const FOREIGN_HINT = "move it away, or give the agent another directory for its state";

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: FULL,
  EROFS: READ_ONLY,
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EMFILE: TOO_MANY,
  ENFILE: TOO_MANY,
  ENOENT: NO_PLACE,
  ENOTDIR: NO_PLACE,
  EEXIST: NO_PLACE,
  EIO: "the disk does not work as it should: look at the system's log",
};

/**
 * The `ERR_OPAMP_STORE` for something that the system refused, with a hint for why it did.
 *
 * @param next what happens once there is room again
 */
export function storeError(what: string, cause: unknown, next = ""): OpAMPError {
  if (cause instanceof OpAMPError) return cause;
  const found = HINTS[codeOf(cause) ?? ""];
  const hint = found === FULL ? `${FULL}${next}` : found;
  return new OpAMPError("ERR_OPAMP_STORE", `${what}: ${messageOf(cause)}`, { cause, hint });
}

/** The `ERR_OPAMP_STORE` for something that is not for this version to change, and was left as it is. */
export function foreignError(what: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_STORE", `${what}; it was left as it is`, {
    hint,
    retryable: false,
    foreignStore: true,
  });
}

/**
 * The {@link foreignError} for a state that is there, and cannot be read now: without it the agent would be another one.
 * Unlike what is foreign it may be read later.
 */
export function unreadError(path: string, cause: unknown): OpAMPError {
  const code = codeOf(cause) ?? "";
  const hint = `${HIDDEN.includes(code) ? READABLE : (HINTS[code] ?? "see what keeps the system from reading it")}; then start the agent again`;
  const text = `${path} cannot be read: ${messageOf(cause)}; it was left as it is`;
  return new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint, retryable: true, foreignStore: true });
}

/** Whether the system refuses to read a file, which may be whole; Node itself does what is too large for it. */
export function isRefused(cause: unknown): boolean {
  return codeOf(cause)?.startsWith("ERR_") === false;
}

/** Whether what the system refuses now may work a moment later. */
export function mayPass(cause: unknown): boolean {
  return !HIDDEN.includes(codeOf(cause) ?? "");
}

/** The {@link foreignError} for a file that a later version of this package wrote. */
export function laterError(path: string, version: number, known: number): OpAMPError {
  const what = `${path} is of a later version: it has the format ${version}, and this version knows ${known}`;
  return foreignError(what, LATER_HINT);
}
