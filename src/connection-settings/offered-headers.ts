import { OpAMPError } from "../errors.js";
import type { Headers } from "../gen/opamp/v1/opamp_pb.js";
import { checkHeader, shownHeaderName } from "../transport/settings/headers.js";
import { checkSize, refused } from "./refusal.js";

const MAX_HEADERS = 64;
const MAX_NAME_CHARACTERS = 256;
const MAX_VALUE_CHARACTERS = 16 * 1024;
/** Servers take some 16 KiB of headers as a whole. */
const MAX_CHARACTERS = 64 * 1024;
/** What says where a request goes, how long it is, how it is coded or who sends it: not for an offer to say. */
const NOT_OFFERED = /^(host|accept-encoding|content-.*|sec-.*|proxy-.*|upgrade-.*|opamp-instance-uid|__proto__|:.*)$/i;
const FOR_PROXY = /^proxy-authorization$/i;

/**
 * Headers of an offer, checked, with names in lower case (CONN-13).
 *
 * @param isForProxy whether they go on the CONNECT request to a proxy, and nowhere else (PROXY-02)
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` naming the header, without its value
 */
export function readOfferedHeaders(
  where: string,
  { headers }: Pick<Headers, "headers">,
  isForProxy = false,
): Readonly<Record<string, string>> {
  if (headers.length > MAX_HEADERS) {
    throw refused(where, `are too many: ${headers.length}, and at most ${MAX_HEADERS} are taken`);
  }
  const read: Record<string, string> = Object.create(null);
  let characters = 0;
  for (const { key, value } of headers) {
    const name = key.toLowerCase();
    checkSize(`a name in ${where}`, key, MAX_NAME_CHARACTERS);
    const called = `${where}: ${JSON.stringify(shownHeaderName(key))}`;
    checkSize(called, value, MAX_VALUE_CHARACTERS);
    characters += key.length + value.length;
    const isAllowed = !NOT_OFFERED.test(name) || (isForProxy && FOR_PROXY.test(name));
    if (!isAllowed) throw refused(called, "is not for a server to set: leave it to the client");
    checkSendable(called, key, value);
    if (name in read) throw refused(called, "is there twice");
    read[name] = value;
  }
  checkSize(`${where} as a whole`, { length: characters }, MAX_CHARACTERS);
  return { ...read };
}

function checkSendable(called: string, name: string, value: string): void {
  try {
    checkHeader(name, value);
  } catch (cause) {
    throw refused(called, "cannot be sent", cause instanceof OpAMPError ? cause.hint : undefined);
  }
}
