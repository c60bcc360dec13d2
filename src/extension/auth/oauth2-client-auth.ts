import { clientCredentials } from "../../auth/client-credentials.js";
import { OpAMPError } from "../../errors.js";
import type { HeaderFunction } from "../../transport/settings/headers.js";
import type { SectionReader } from "../reader/section-reader.js";
import { readTlsKeys } from "../reader/tls-keys.js";
import { type AuthExtension, readSecret } from "./auth-extension.js";

const EXPIRY_BUFFER_MS = 300_000;

/** The Collector's `oauth2client`: a token by the client's credentials (RFC 6749, 4.4). */
export function oauth2ClientAuth(block: SectionReader): AuthExtension {
  const source = readSource(block);
  return {
    removes: new Set(),
    apply: async (headers, context) => ({ ...headers, ...(await source(context)) }),
  };
}

function readSource(block: SectionReader): HeaderFunction {
  const clientId = readSecret(block, "client_id", "client_id_file");
  const clientSecret = readSecret(block, "client_secret", "client_secret_file");
  const tokenUrl = block.text("token_url") ?? "";
  const scopes = block.textList("scopes");
  const parameters = readParameters(block);
  const timeoutMs = notNegative(block, "timeout") ?? 0;
  const marginMs = notNegative(block, "expiry_buffer") ?? EXPIRY_BUFFER_MS;
  block.oneOf("grant_type", ["client_credentials"]);
  const tlsBlock = block.section("tls");
  block.done();
  const tls = tlsBlock === undefined ? undefined : readTlsKeys(tlsBlock);
  if (clientId === undefined)
    throw block.wrong("client_id", "no ClientID provided", "give client_id or client_id_file");
  if (clientSecret === undefined) {
    throw block.wrong("client_secret", "no ClientSecret provided", "give client_secret or client_secret_file");
  }
  if (tokenUrl === "") {
    throw block.wrong(
      "token_url",
      "no TokenURL provided",
      "give the token endpoint, such as https://login.example.com/token",
    );
  }
  try {
    return clientCredentials({
      tokenUrl,
      clientId,
      clientSecret,
      scopes,
      parameters,
      marginMs,
      // Go's client tries both as well.
      credentialsIn: "auto",
      // No limit at all, which 0 is in the Collector, would let a silent endpoint hold up the agent for ever.
      ...(timeoutMs > 0 && { timeoutMs }),
      ...(tls !== undefined && { tls }),
    });
  } catch (cause) {
    if (!(cause instanceof OpAMPError)) throw cause;
    throw block.wrong("token_url", "must be an https URL", cause.hint);
  }
}

/** Each one text, with a comma between several, or a list. */
function readParameters(block: SectionReader): Readonly<Record<string, readonly string[]>> {
  const parameters = block.sectionOrEmpty("endpoint_params");
  return Object.fromEntries(parameters.keys.map((name) => [name, parameters.textList(name)]));
}

function notNegative(block: SectionReader, key: string): number | undefined {
  const ms = block.durationMs(key);
  if (ms !== undefined && ms < 0) throw block.wrong(key, "must be 0 or greater", "write it such as 10s");
  return ms;
}
