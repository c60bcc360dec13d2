import { isIP } from "node:net";

/** A URL's host without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** A URL's port, as a number that is always there. */
export function portOf({ protocol, port }: URL): number {
  if (port !== "") return Number(port);
  return isSecure(protocol) ? 443 : 80;
}

/** Whether a scheme, such as `wss:`, speaks TLS. */
export function isSecure(protocol: string): boolean {
  return protocol === "wss:" || protocol === "https:";
}

/** Whether what is sent to this host of a URL stays on the machine. */
export function isLoopback(host: string): boolean {
  switch (isIP(host)) {
    case 4:
      return host.startsWith("127.");
    case 6:
      // What a URL makes of ::ffff:127.0.0.0/104.
      return host === "::1" || /^::ffff:7f[0-9a-f]{2}:/.test(host);
    default:
      return /^(.+\.)?localhost\.?$/.test(host);
  }
}
