import { fileSecret } from "../../auth/file-secret.js";
import { OpAMPError } from "../../errors.js";
import type { SectionReader } from "../reader/section-reader.js";
import { type AuthExtension, checkSendable } from "./auth-extension.js";
import { readSecret } from "./auth-secret.js";

/** The Collector's `bearertokenauth`: a token in a header; of several, the first. */
export function bearerTokenAuth(block: SectionReader): AuthExtension {
  const header = block.text("header") || "Authorization";
  const scheme = block.text("scheme") ?? "Bearer";
  const tokens = block.textList("tokens");
  const file = block.text("filename") ?? "";
  const single = readSecret(block, "token", "filename");
  block.done();
  checkSendable(block, "header", header, "");
  checkSendable(block, "scheme", header, scheme);
  const [first] = tokens;
  if (single === undefined && first === undefined) {
    throw block.wrong(undefined, "no bearer token provided", "give token, tokens or filename");
  }
  if (first !== undefined && block.text("token")) {
    const problem = "either tokens or token should be provided, not both";
    throw block.wrong("tokens", problem, "take away one of them");
  }
  if (first !== undefined) checkSendable(block, "tokens", header, first);
  const find = file !== "" ? firstLine(file) : (single ?? (async () => first ?? ""));
  const prefix = scheme === "" ? "" : `${scheme} `;
  return {
    removes: new Set(),
    apply: async (headers) => ({ ...headers, [header.toLowerCase()]: `${prefix}${await find()}` }),
  };
}

/** A file may hold several tokens, for servers, one a line. */
function firstLine(path: string): () => Promise<string> {
  const read = fileSecret(path);
  return async () => {
    const line = (await read()).split("\n", 1)[0]?.trim() ?? "";
    if (line !== "") return line;
    const hint = "write the token into its first line";
    throw new OpAMPError("ERR_OPAMP_AUTH", `the first line of the file ${path} is empty`, { hint });
  };
}
