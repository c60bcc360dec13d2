import { insecurities } from "../../transport/insecure.js";
import { parseEndpoint } from "../../transport/url/endpoint.js";
import type { WarningEvent } from "../events.js";
import type { OpAMPClientOptions } from "../options.js";
import type { Settings } from "./settings.js";

const NOTHING: readonly WarningEvent[] = [];

/** What is not safe about how a client is set up. Of a transport of the host's own nothing is known. */
export function warningsAbout(
  { url, transport }: OpAMPClientOptions,
  { tls, proxy }: Settings,
): readonly WarningEvent[] {
  if (url === undefined || (transport !== undefined && transport !== "auto")) return NOTHING;
  const found = insecurities(parseEndpoint(url).url, tls, proxy);
  return found.length === 0 ? NOTHING : found.map(({ code, message, hint }) => ({ code, message, hint }));
}
