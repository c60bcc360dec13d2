import type { Socket } from "node:net";
import { loaded } from "../../base/load.js";
import { messageOf } from "../../errors.js";
import { AnswerStart } from "../answer-start.js";
import { loadUndici } from "../undici.js";
import { portOf } from "../url/endpoint.js";
import type { ResolvedProxy } from "./proxy.js";
import { connectFailed, connectRefused, socksFailed } from "./proxy-error.js";

/** The SOCKS library's timer cannot be turned off and outlives the dial, so it is neither short nor endless. */
const GIVE_UP_MS = 120_000;
/** What fits in the length byte of SOCKS (RFC 1928, 5). */
const MAX_HOST_BYTES = 255;

/**
 * Makes a connection to an HTTP proxy carry one to the target, which is `host:port`.
 *
 * @throws OpAMPError `ERR_OPAMP_PROXY`, with the proxy's status if it gave one
 */
export async function tunnelByConnect(base: Socket, proxy: ResolvedProxy, target: string): Promise<void> {
  const { Client, connect } = await loadUndici();
  const start = new AnswerStart(base);
  // The connection is there, so what the URL says only shows in errors.
  const client = new Client(`http://${proxy.url.hostname}`, {
    // The caller bounds the whole dial.
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
    const answer = await connect.call(client, { path: target, headers: { host: target, ...proxy.headers } });
    status = answer.statusCode;
  } catch (cause) {
    throw connectFailed(proxy, target, cause);
  } finally {
    start.release();
    // The tunnel does not belong to this client any more.
    void client.destroy().catch(() => undefined);
  }
  if (status < 200 || status > 299) throw connectRefused(proxy, target, status);
}

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
  const { SocksClient } = await loaded("socks", import("socks"));
  if (base.destroyed) throw socksFailed(proxy, target, "the proxy closed the connection");
  try {
    await SocksClient.createConnection({
      command: "connect",
      destination: { host, port },
      proxy: {
        type: 5,
        host: url.hostname,
        port: portOf(url),
        ...(username === "" && password === "" ? {} : { userId: username, password }),
      },
      existing_socket: base,
      timeout: GIVE_UP_MS,
    });
  } catch (thrown) {
    throw socksFailed(proxy, target, messageOf(thrown));
  }
}
