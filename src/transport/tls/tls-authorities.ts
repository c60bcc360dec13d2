import { readFile } from "node:fs/promises";
import tls from "node:tls";

type Pool = "default" | "system";

/**
 * What Node trusts by itself, and the authorities of the system where this Node can tell them (from 22.15 on), as PEM
 * text (TLS-02).
 */
export async function systemAuthorities(): Promise<readonly string[]> {
  const ask = authoritiesOf();
  if (ask !== undefined) return [...new Set([...ask("default"), ...ask("system")])];
  const extra = process.env["NODE_EXTRA_CA_CERTS"];
  // As with Node itself, a file that cannot be read only means that its authorities are missing.
  const added = extra === undefined || extra === "" ? "" : await readFile(extra, "utf8").catch(() => "");
  return added === "" ? tls.rootCertificates : [...tls.rootCertificates, added];
}

function authoritiesOf(): ((pool: Pool) => readonly string[]) | undefined {
  const found: unknown = Reflect.get(tls, "getCACertificates");
  return typeof found === "function" ? (pool) => found(pool) : undefined;
}
