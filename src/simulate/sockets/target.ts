import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { OpAMPError } from "../../errors.js";
import { dialFailed } from "../../transport/explain/connect-error.js";
import { hostOf, isLoopback } from "../../transport/url/endpoint.js";

/** Finds the addresses of a host's name. */
export type Lookup = (host: string) => Promise<readonly { address: string; family: number }[]>;

const RANGES = [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10],
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const;

const privateRanges = new BlockList();
for (const [network, prefix] of RANGES) {
  privateRanges.addSubnet(network, prefix, network.includes(":") ? "ipv6" : "ipv4");
}

/**
 * Finds out where a fleet would connect, and refuses what is not loopback or private unless that was allowed.
 *
 * @returns the addresses; none where only a proxy knows them
 * @throws OpAMPError `ERR_OPAMP_OPTION` for a public address, `ERR_OPAMP_CONNECT` for a name that does not resolve
 */
export async function checkTarget(
  url: URL,
  isAllowed: boolean,
  hasProxy: boolean,
  find: Lookup = (host) => lookup(host, { all: true }),
): Promise<readonly string[]> {
  const host = hostOf(url);
  // Names below localhost need not be in any DNS.
  if (isIP(host) === 0 && isLoopback(host)) return ["127.0.0.1"];
  const addresses = await addressesOf(url, host, find).catch((cause: unknown) => {
    if (!hasProxy) throw dialFailed(cause, url).error;
    return [];
  });
  if (isAllowed) return addresses;
  const outside = addresses.find((address) => !isPrivate(address));
  if (outside === undefined && addresses.length > 0) return addresses;
  const place = outside === host ? "is" : `is at ${outside},`;
  const problem = outside === undefined ? "cannot be resolved here" : `${place} a public address`;
  throw new OpAMPError("ERR_OPAMP_OPTION", `--url: ${host} ${problem}, and a simulation can overload a server`, {
    hint: "if the server is yours, give --allow-public-server too",
  });
}

async function addressesOf(url: URL, host: string, find: Lookup): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await find(host);
  if (found.length > 0) return found.map(({ address }) => address);
  throw dialFailed(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), url).error;
}

/** Whether an address belongs to this machine or to a network of one's own. */
export function isPrivate(address: string): boolean {
  if (address === "0.0.0.0" || address === "::") return true;
  return privateRanges.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
