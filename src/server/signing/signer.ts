import { randomBytes } from "node:crypto";
import { wrongOption } from "../../base/checks.js";
import { DAY_MS } from "../../base/time.js";
import { type Authority, certify, makeAuthority, x509For } from "./authority.js";
import { readSigningRequest } from "./read-request.js";
import type { SigningOptions, SigningRequestsOptions, SigningState } from "./signing-options.js";

const YEAR_MS = 365 * DAY_MS;
const CLOCK_ERROR_MS = 600_000;
/** Whatever a virtual clock says, the authority is valid. */
const ALWAYS = { notBefore: new Date("2000-01-01"), notAfter: new Date("2100-01-01") };

/** Signs what agents ask for, with an authority of its own. */
export class Signer {
  /** The authority's certificate, PEM text. */
  readonly ca: string;
  /** When a request is answered, and how. */
  readonly mode: SigningRequestsOptions["issue"];
  readonly #authority: Authority;
  readonly #wallNow: () => number;

  private constructor(
    { pem, ...authority }: Authority & { readonly pem: string },
    mode: SigningRequestsOptions["issue"],
    wallNow: () => number,
  ) {
    this.ca = pem;
    this.mode = mode;
    this.#authority = authority;
    this.#wallNow = wallNow;
  }

  /** @throws OpAMPError `ERR_OPAMP_OPTION` where the library for it is not installed */
  static async start({ issue }: SigningRequestsOptions, wallNow: () => number): Promise<Signer> {
    const commonName = `Test authority ${randomBytes(4).toString("hex")}`;
    return new Signer(await makeAuthority(x509For("signingRequests"), commonName, ALWAYS), issue, wallNow);
  }

  /**
   * Issues the certificate that an agent asked for.
   *
   * @returns PEM text
   * @throws OpAMPError `ERR_OPAMP_OPTION` for a request that is none
   */
  issue({ csr, uid }: SigningState, options: SigningOptions = {}): Promise<string> {
    const { shown, wanted } = readSigningRequest(csr, uid);
    if (wanted === undefined) throw wrongOption("the signing request", shown.problem ?? "cannot be read");
    const { validMs = YEAR_MS, usage = "client" } = options;
    const now = this.#wallNow();
    const notBefore = options.notBefore ?? new Date(now - CLOCK_ERROR_MS);
    const end = (options.notBefore?.getTime() ?? now) + validMs;
    const notAfter = new Date(Math.min(end, ALWAYS.notAfter.getTime()));
    return certify(x509For("signingRequests"), this.#authority, { ...wanted, notBefore, notAfter, usage });
  }
}
