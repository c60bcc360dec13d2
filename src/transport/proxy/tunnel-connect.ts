import type { Socket } from "node:net";
import type { ResolvedProxy } from "./proxy.js";
import { connectFailed, connectRefused } from "./proxy-error.js";

/**
 * Makes a connection to an HTTP proxy carry one to the target, which is `host:port`.
 *
 * @throws OpAMPError `ERR_OPAMP_PROXY`, with the proxy's status if it gave one
 */
export async function tunnelByConnect(base: Socket, proxy: ResolvedProxy, target: string): Promise<void> {
  const { Client } = await import("undici");
  // The connection is there, so what the URL says only shows in errors.
  const client = new Client(`http://${proxy.url.hostname}`, {
    // Whoever dials bounds the whole.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options, callback) => {
      // Later, for that is when undici expects it. A dead socket must not be offered again and again.
      queueMicrotask(() =>
        base.destroyed ? callback(new Error("it closed the connection"), null) : callback(null, base),
      );
    },
  });
  let status: number;
  try {
    const answer = await client.connect({ path: target, headers: { host: target, ...proxy.headers } });
    status = answer.statusCode;
  } catch (cause) {
    throw connectFailed(proxy, target, cause);
  } finally {
    // A tunnel is no longer the client's.
    void client.destroy().catch(() => undefined);
  }
  if (status < 200 || status > 299) throw connectRefused(proxy, target, status);
}
