import type { Socket } from "node:net";
import { messageOf } from "../../errors.js";
import type { ResolvedProxy } from "./proxy.js";
import { socksFailed } from "./proxy-error.js";
import { proxyPort } from "./proxy-url.js";

/** The library's timer cannot be turned off and outlives the dial, so it is neither short nor endless. */
const GIVE_UP_MS = 120_000;
/** What fits in the length byte of SOCKS (RFC 1928, 5). */
const MAX_HOST_BYTES = 255;

/**
 * Makes a connection to a SOCKS 5 proxy carry one to the target, whose name the proxy resolves.
 *
 * @param host the target's name, or its address without brackets
 * @throws OpAMPError `ERR_OPAMP_PROXY`
 */
export async function tunnelBySocks(base: Socket, proxy: ResolvedProxy, host: string, port: number): Promise<void> {
  const { username, password, url } = proxy;
  const target = `${host}:${port}`;
  // The library would throw where nobody can catch it.
  if (host.length > MAX_HOST_BYTES) throw socksFailed(proxy, target, "its name is too long for SOCKS");
  const { SocksClient } = await import("socks");
  if (base.destroyed) throw socksFailed(proxy, target, "the proxy closed the connection");
  try {
    await SocksClient.createConnection({
      command: "connect",
      destination: { host, port },
      proxy: {
        type: 5,
        host: url.hostname,
        port: proxyPort(url),
        ...(username === "" && password === "" ? {} : { userId: username, password }),
      },
      existing_socket: base,
      timeout: GIVE_UP_MS,
    });
  } catch (thrown) {
    throw socksFailed(proxy, target, messageOf(thrown));
  }
}
