import { OpAMPError } from "../../errors.js";
import type { SectionReader } from "../reader/section-reader.js";
import type { AuthExtension } from "./auth-extension.js";
import { readSecret } from "./auth-secret.js";

const COLON_HINT = "give a user name without a colon, which the scheme cannot carry";

/** The Collector's `basicauth`, as a client. */
export function basicAuthClient(block: SectionReader): AuthExtension {
  const client = block.section("client_auth");
  const isServer = block.has("htpasswd");
  block.done();
  if (isServer && client !== undefined) {
    const problem = "only one of `htpasswd` or `client_auth` can be specified";
    throw block.wrong("htpasswd", problem, "keep client_auth alone");
  }
  if (isServer) throw block.wrong("htpasswd", "is for servers", "give client_auth with username and password");
  if (client === undefined) {
    throw block.wrong(undefined, "no credential source provided", "give client_auth with username and password");
  }
  const username = readSecret(client, "username", "username_file");
  const password = readSecret(client, "password", "password_file");
  client.done();
  if (username === undefined) throw client.wrong("username", "is missing", "give username or username_file");
  const inline = client.text("username_file") ? "" : (client.text("username") ?? "");
  if (inline.includes(":")) throw client.wrong("username", "has a colon", COLON_HINT);
  return {
    removes: new Set(),
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
