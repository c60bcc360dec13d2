import { hasCode, messageOf, OpAMPError } from "../errors.js";

/**
 * A secret in a file, for `bearerAuth` and its like: `bearerAuth(fileSecret("/run/secrets/token"))`.
 *
 * The file is read again each time the secret is needed, so that one that was rotated is used; a byte order mark before it
 * and line ends after it are taken off. A file that cannot be read, or is empty, is `ERR_OPAMP_AUTH` at that attempt,
 * naming the path.
 *
 * @param path of a file with UTF-8 text
 * @see AUTH-01
 */
export function fileSecret(path: string): () => Promise<string> {
  if (typeof path !== "string" || path === "") {
    throw new OpAMPError("ERR_OPAMP_OPTION", "fileSecret: must be given the path of a file");
  }
  return () => secretIn(path);
}

async function secretIn(path: string): Promise<string> {
  const text = (await read(path)).replace(/^\uFEFF|[\r\n]+$/g, "");
  if (text !== "") return text;
  throw new OpAMPError("ERR_OPAMP_AUTH", `the file ${path} is empty`, { hint: "write the secret into it" });
}

async function read(path: string): Promise<string> {
  // Most agents have no use for it.
  const { OVERDUE_HINT, readNamedFile } = await import("../base/read-file.js");
  try {
    return (await readNamedFile(path)).toString("utf8");
  } catch (cause) {
    const text = `the file ${path} cannot be read: ${messageOf(cause)}`;
    const hint = hasCode(cause, "ETIMEDOUT") ? OVERDUE_HINT : "check the path, and who may read the file";
    throw new OpAMPError("ERR_OPAMP_AUTH", text, { cause, hint });
  }
}
