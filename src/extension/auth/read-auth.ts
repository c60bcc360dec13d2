import { clientCredentials } from "../../auth/client-credentials.js";
import { fileSecret } from "../../auth/file-secret.js";
import { OpAMPError } from "../../errors.js";
import type { SectionReader } from "../reader/section-reader.js";
import { readTlsKeys } from "../reader/tls-keys.js";
import { type AuthExtension, checkSendable, componentId, readSecret } from "./auth-extension.js";
import { headersSetter } from "./headers-setter.js";

const TYPES = ["bearertokenauth", "basicauth", "oauth2client", "headers_setter"];

/**
 * The auth extension that a key names, with what it is built upon.
 *
 * @param block where the key stands
 * @param key `auth` or `additional_auth`
 * @param extensions where it is looked up; `undefined` when only one block is given
 * @returns `undefined` when the key names none, or one that is wrong
 */
export function readAuth(
  block: SectionReader,
  key: string,
  extensions: SectionReader | undefined,
  chain: readonly string[] = [],
): AuthExtension | undefined {
  if (isNested(block, key)) return undefined;
  const id = componentId(block.text(key) ?? "");
  if (id === "") return undefined;
  const named = block.quotedName(key);
  const found = extensions?.keys.find((known) => componentId(known) === id);
  if (extensions === undefined || found === undefined) {
    const hint =
      extensions === undefined
        ? "give the whole file, with `extensions`, and not the extension's block alone"
        : `put it under extensions; there are ${extensions.keys.join(", ")}`;
    return block.refuse(key, `could not find auth extension ${named}`, hint);
  }
  if (chain.includes(id)) {
    return block.refuse(key, `auth extension ${named} is built upon itself`, "name another one, or none");
  }
  const section = extensions.sectionOrEmpty(found);
  switch (id.split("/", 1)[0]) {
    case "bearertokenauth":
      return bearerTokenAuth(section);
    case "basicauth":
      return basicAuthClient(section);
    case "oauth2client":
      return oauth2Client(section);
    case "headers_setter":
      return headersSetter(section, readAuth(section, "additional_auth", extensions, [...chain, id]));
    default:
      return block.refuse(key, `auth extension ${named} cannot be used here`, `use one of ${TYPES.join(", ")}`);
  }
}

/** Other components of the Collector write it one level deeper. */
function isNested(block: SectionReader, key: string): boolean {
  if (typeof block.value(key) !== "object" || !block.has(key)) return false;
  const hint = `write ${key}: NAME, with the name of an extension, and no authenticator below it`;
  block.refuse(key, "must be the name of an extension", hint);
  return true;
}

const COLON_HINT = "give a user name without a colon, which the scheme cannot carry";

/** As other programs write them. */
const ELSEWHERE = {
  username: "write it below client_auth",
  password: "write it below client_auth",
  username_file: "write it below client_auth",
  password_file: "write it below client_auth",
};

/** The Collector's `basicauth`, as a client. */
function basicAuthClient(block: SectionReader): AuthExtension | undefined {
  const client = block.section("client_auth");
  const isServer = block.has("htpasswd");
  block.done(ELSEWHERE);
  if (isServer && client !== undefined) {
    const problem = "only one of `htpasswd` or `client_auth` can be specified";
    return block.refuse("htpasswd", problem, "keep client_auth alone");
  }
  if (isServer) return block.refuse("htpasswd", "is for servers", "give client_auth with username and password");
  if (client === undefined) {
    return block.lacks(["client_auth"], "no credential source provided", "give client_auth with username and password");
  }
  const username = readSecret(client, "username", "username_file");
  const password = readSecret(client, "password", "password_file");
  client.done({ user: "write username" });
  if (username === undefined) return client.lacks("username", "is missing", "give username or username_file");
  const inline = client.text("username_file") ? "" : (client.text("username") ?? "");
  if (inline.includes(":")) client.refuse("username", "has a colon", COLON_HINT);
  return {
    apply: async (headers) => {
      const name = await username();
      if (name.includes(":")) {
        throw new OpAMPError("ERR_OPAMP_AUTH", "the user name in username_file has a colon", { hint: COLON_HINT });
      }
      const pair = `${name}:${password === undefined ? "" : await password()}`;
      return { ...headers, authorization: `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
    },
  };
}

/** The Collector's `bearertokenauth`: a token in a header; of several, the first. */
function bearerTokenAuth(block: SectionReader): AuthExtension {
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
    block.lacks(["token", "tokens", "filename"], "no bearer token provided", "give token, tokens or filename");
  }
  if (first !== undefined && block.text("token")) {
    const problem = "either tokens or token should be provided, not both";
    block.refuse("tokens", problem, "take away one of them");
  }
  if (first !== undefined) checkSendable(block, "tokens", header, first);
  if (tokens.length > 1) block.note("tokens", "has more than one token, and only the first is sent");
  const find = file !== "" ? firstLine(file) : (single ?? (async () => first ?? ""));
  const prefix = scheme === "" ? "" : `${scheme} `;
  return {
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

const EXPIRY_BUFFER_MS = 300_000;

/** The Collector's `oauth2client`: a token by the client's credentials (RFC 6749, 4.4). */
function oauth2Client(block: SectionReader): AuthExtension | undefined {
  const clientId = readSecret(block, "client_id", "client_id_file");
  const clientSecret = readSecret(block, "client_secret", "client_secret_file");
  const tokenUrl = block.text("token_url") ?? "";
  const scopes = block.textList("scopes");
  // Each one text, with a comma between several, or a list.
  const endpointParams = block.sectionOrEmpty("endpoint_params");
  const parameters = Object.fromEntries(endpointParams.keys.map((name) => [name, endpointParams.textList(name)]));
  const timeoutMs = notNegative(block, "timeout") ?? 0;
  const marginMs = notNegative(block, "expiry_buffer") ?? EXPIRY_BUFFER_MS;
  block.oneOf("grant_type", ["client_credentials"]);
  const tlsBlock = block.section("tls");
  block.done();
  const tls = tlsBlock && readTlsKeys(tlsBlock);
  if (tls !== undefined) tlsBlock?.need(undefined, { kind: "tls", tls });
  if (clientId === undefined) {
    block.lacks("client_id", "no ClientID provided", "give client_id or client_id_file");
  }
  if (clientSecret === undefined) {
    block.lacks("client_secret", "no ClientSecret provided", "give client_secret or client_secret_file");
  }
  if (tokenUrl === "") {
    const hint = "give the token endpoint, such as https://login.example.com/token";
    block.lacks("token_url", "no TokenURL provided", hint);
  }
  if (clientId === undefined || clientSecret === undefined || tokenUrl === "") return undefined;
  try {
    // Go's client tries both as well.
    const fixed = { tokenUrl, clientId, clientSecret, scopes, parameters, marginMs, credentialsIn: "auto" } as const;
    // No limit at all, which 0 is in the Collector, would let a silent endpoint hold up the agent for ever.
    const source = clientCredentials({ ...fixed, ...(timeoutMs > 0 && { timeoutMs }), ...(tls && { tls }) });
    return { apply: async (headers, context) => ({ ...headers, ...(await source(context)) }) };
  } catch (cause) {
    if (!(cause instanceof OpAMPError)) throw cause;
    return block.refuse("token_url", "must be an https URL", cause.hint);
  }
}

function notNegative(block: SectionReader, key: string): number | undefined {
  const ms = block.durationMs(key);
  return ms === undefined || ms >= 0 ? ms : block.refuse(key, "must be 0 or greater", "write it such as 10s");
}
