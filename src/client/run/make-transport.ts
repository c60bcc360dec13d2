import { createTransport } from "../../transport/create-transport.js";
import type { Transport } from "../../transport/transport.js";
import { parseEndpoint } from "../../transport/url/endpoint.js";
import type { Clock } from "../clock.js";
import type { OpAMPClientOptions } from "../options.js";
import type { Settings } from "../settings/settings.js";

/**
 * The host's own transport, or the one that its options ask for.
 *
 * @param instanceUid the uid of the moment, as UUID text
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function makeTransport(
  options: OpAMPClientOptions,
  settings: Settings,
  clock: Clock,
  instanceUid: () => string,
): Transport {
  const given = options.transport;
  if (given !== undefined && given !== "auto") return given;
  const { tls, proxy, keepAlive, maxMessageBytes, compression, maxRedirects } = settings;
  const endpoint = parseEndpoint(options.url ?? "");
  return createTransport(given ?? endpoint.kind, {
    url: endpoint.url,
    authorization: endpoint.authorization,
    headers: options.headers,
    tls,
    proxy,
    keepAlive,
    maxSendBytes: maxMessageBytes.send,
    maxReceiveBytes: maxMessageBytes.receive,
    compression,
    maxRedirects,
    instanceUid,
    clock,
  });
}
