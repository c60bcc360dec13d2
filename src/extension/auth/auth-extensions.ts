import type { SectionReader } from "../reader/section-reader.js";
import { type AuthExtension, componentId } from "./auth-extension.js";
import { basicAuthClient } from "./basic-auth.js";
import { bearerTokenAuth } from "./bearer-token-auth.js";
import { headersSetter } from "./headers-setter.js";
import { oauth2ClientAuth } from "./oauth2-client-auth.js";

const TYPES = ["bearertokenauth", "basicauth", "oauth2client", "headers_setter"];

/**
 * The auth extension that a key names, with what it is built upon.
 *
 * @param block where the key stands
 * @param key `auth` or `additional_auth`
 * @param extensions where it is looked up; `undefined` when only one block is given
 * @returns `undefined` when the key names none
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readAuth(
  block: SectionReader,
  key: string,
  extensions: SectionReader | undefined,
  chain: readonly string[] = [],
): AuthExtension | undefined {
  refuseNested(block, key);
  const id = componentId(block.text(key) ?? "");
  if (id === "") return undefined;
  const named = block.quoted(key);
  const found = extensions?.keys.find((known) => componentId(known) === id);
  if (extensions === undefined || found === undefined) {
    const hint =
      extensions === undefined
        ? "give the whole file, with `extensions`, and not the extension's block alone"
        : `put it under extensions; there are ${extensions.keys.join(", ")}`;
    throw block.wrong(key, `could not find auth extension ${named}`, hint);
  }
  if (chain.includes(id)) {
    throw block.wrong(key, `auth extension ${named} is built upon itself`, "name another one, or none");
  }
  const section = extensions.sectionOrEmpty(found);
  switch (id.split("/", 1)[0]) {
    case "bearertokenauth":
      return bearerTokenAuth(section);
    case "basicauth":
      return basicAuthClient(section);
    case "oauth2client":
      return oauth2ClientAuth(section);
    case "headers_setter":
      return headersSetter(section, readAuth(section, "additional_auth", extensions, [...chain, id]));
    default:
      throw block.wrong(key, `auth extension ${named} cannot be used here`, `use one of ${TYPES.join(", ")}`);
  }
}

/** Other components of the Collector write it one level deeper. */
function refuseNested(block: SectionReader, key: string): void {
  if (typeof block.value(key) !== "object" || !block.has(key)) return;
  const hint = `write ${key}: NAME, with the name of an extension, and no authenticator below it`;
  throw block.wrong(key, "must be the name of an extension", hint);
}
