import { BlockList, isIP } from "node:net";
import { domainToASCII } from "node:url";

/** An entry with a port behind its host, or with brackets around an IPv6 address. */
const BRACKETED = /^\[([\da-f:.]+)\](?::(\d*))?$/;
const WITH_PORT = /^([^:]*):(\d*)$/;
const NETWORK = /^([\da-f:.]+)\/(\d{1,3})$/;

/**
 * Whether a value of NO_PROXY names a host.
 *
 * Entries stand between commas or spaces: `*` for every host; an address; a network such as `10.0.0.0/8`; a domain, with
 * all hosts in it, or `.domain` and `*.domain` for those hosts alone. An address or a domain with a port is for that port.
 * What an entry means is what it means to Go's httpproxy; the spaces, a dot at the end of a name, and brackets without a
 * port are as curl takes them.
 *
 * @param host as in a URL, an IPv6 address without its brackets
 */
export function isExempt(noProxy: string, host: string, port: number): boolean {
  const name = withoutDot(host.toLowerCase());
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry === "*" || covers(entry, name, port));
}

function covers(entry: string, host: string, port: number): boolean {
  const [, address = "", bits = ""] = NETWORK.exec(entry) ?? [];
  if (isIP(address) !== 0) return inNetwork(host, address, Number(bits));
  const [, name = entry, digits = ""] = BRACKETED.exec(entry) ?? WITH_PORT.exec(entry) ?? [];
  if (digits !== "" && Number(digits) !== port) return false;
  if (isIP(name) !== 0) return inNetwork(host, name);
  return isIP(host) === 0 && inDomain(host, name.replace(/^\*(?=\.)/, ""));
}

/** @param bits as many as hosts of the network share; default: all, for one address */
function inNetwork(host: string, address: string, bits?: number): boolean {
  const mostBits = isIP(address) === 4 ? 32 : 128;
  const sharedBits = bits ?? mostBits;
  // Out of range, or with a zone, which no URL has.
  if (isIP(host) === 0 || sharedBits > mostBits || address.includes("%")) return false;
  // Only ::ffff:0:0/96 has IPv4 in it.
  if (isIP(host) === 4 && mostBits === 128 && sharedBits < 96) return false;
  const list = new BlockList();
  list.addSubnet(address, sharedBits, familyOf(address));
  return list.check(host, familyOf(host));
}

/** @param domain with a dot in front where it does not stand for itself */
function inDomain(host: string, domain: string): boolean {
  const name = domainToASCII(withoutDot(domain.replace(/^\./, "")));
  if (name === "") return false;
  return host.endsWith(`.${name}`) || (!domain.startsWith(".") && host === name);
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 4 ? "ipv4" : "ipv6";
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, "");
}
