import { systemClock } from "../../client/clock.js";
import type { OpAMPClientOptions } from "../../client/options.js";
import { readNetworkSettings } from "../../client/settings/network-settings.js";
import { createTransport } from "../../transport/create-transport.js";
import { type Insecurity, insecurities } from "../../transport/insecure.js";
import { type Endpoint, parseEndpoint } from "../../transport/url/endpoint.js";
import type { World } from "./run-sockets.js";

/** How agents reach their server: as the options of a client. */
export interface SocketOptions extends Pick<OpAMPClientOptions, "headers" | "tls" | "proxy" | "compression"> {
  url: string;
  /** Whether redirects are followed, which may lead to another server. */
  followsRedirects: boolean;
}

/** The real world: sockets and the system's clock. */
export interface SocketWorld extends World {
  endpoint: Endpoint;
  /** What is not safe about it. */
  insecurities: readonly Insecurity[];
}

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function socketWorld({ url: given, followsRedirects, ...options }: SocketOptions): SocketWorld {
  const endpoint = parseEndpoint(given);
  const { maxMessageBytes, ...network } = readNetworkSettings(options);
  const clock = systemClock(true);
  return {
    endpoint,
    insecurities: insecurities(endpoint.url, network.tls, network.proxy),
    clock,
    transport: (instanceUid) =>
      createTransport(endpoint.kind, {
        ...network,
        url: endpoint.url,
        authorization: endpoint.authorization,
        headers: options.headers,
        keepAlive: true,
        maxSendBytes: maxMessageBytes.send,
        maxReceiveBytes: maxMessageBytes.receive,
        maxRedirects: followsRedirects ? network.maxRedirects : 0,
        instanceUid,
        clock,
      }),
    usage() {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() };
    },
  };
}
