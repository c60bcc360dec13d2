import { lstatSync } from "node:fs";
import { fileSecret } from "../auth/file-secret.js";
import { attempt } from "../base/checks.js";
import { messageOf, OpAMPError } from "../errors.js";

/** What begins like a path, or ends like the name of a file. */
const PATH = /^[./~]|^[a-z]:\\/i;
const FILE_NAME =
  /^(?:[\w-]{1,40}\/)*[\w-]{1,40}\.(?:txt|tok(?:en)?|secret|key|pem|jwt|env|conf|cfg|json|ya?ml|dat|pass(?:wd)?)$/i;
const NOT_THE_TOKEN =
  "no such file in the working directory; if this is the token itself, write it into a file and give --token-file its path";

/** The token in a file. Where the token itself may be given in place of a path, the error does not show it. */
export function tokenIn(path: string): () => Promise<string> {
  if (path === "")
    throw new OpAMPError("ERR_OPAMP_OPTION", "--token-file: is empty", { hint: "give the path of a file" });
  const read = oneLineOf(path, fileSecret(path));
  if (PATH.test(path) || FILE_NAME.test(path)) return read;
  return async () => {
    try {
      return await read();
    } catch (cause) {
      if (attempt(() => lstatSync(path)) !== undefined) throw cause;
      throw new OpAMPError("ERR_OPAMP_AUTH", messageOf(cause).replaceAll(path, "..."), { hint: NOT_THE_TOKEN });
    }
  };
}

/** Here, where the file can still be named: the header that is made of it would be refused without a word about it. */
function oneLineOf(path: string, read: () => Promise<string>): () => Promise<string> {
  return async () => {
    const text = await read();
    if (!/[\r\n]/.test(text)) return text;
    const hint = "put the token alone into the file, on one line";
    throw new OpAMPError("ERR_OPAMP_AUTH", `the file ${path} has several lines`, { hint });
  };
}
