import { checkByRules, isAmount, isOneOf, isValidDate, type RulesFor } from "../../base/rules.js";

/** What an OpAMPServer does about signing requests (CERT-05). */
export interface SigningRequestsOptions {
  /**
   * `"at once"`: the answer to a good request has the certificate, and that to another is BAD_REQUEST. `"by hand"`: a request
   * waits for {@link ServerAgent.issueCertificate} or {@link ServerAgent.refuseSigningRequest}. `"refuse"`: the answer is
   * BAD_REQUEST (CERT-08).
   */
  issue: "at once" | "by hand" | "refuse";
}

/** What is special about a certificate. */
export interface SigningOptions {
  /** How long it is valid, from now on or from `notBefore`, in milliseconds. Default: a year. */
  validMs?: number | undefined;
  /** Not valid earlier. Default: ten minutes ago, by the server's `clock`. */
  notBefore?: Date | undefined;
  /** Whom it may authenticate. Default `client`. */
  usage?: "server" | "client" | "both" | undefined;
}

/** The signing request that came last from an agent, as it came. */
export interface SigningState {
  readonly csr: Uint8Array;
  /** Of the agent at that time. */
  readonly uid: Uint8Array;
  /** `undefined` while it waits. */
  answer: "issued" | "refused" | undefined;
}

/** A signing request as it came from an agent (CERT-05). */
export interface SigningRequest {
  /** As it came: PEM, if the agent does what it should. */
  readonly pem: string;
  /** Such as `CN=0190b5a1-0000-7000-8000-000000000001`; empty where it cannot be read. */
  readonly subject: string;
  /** The alternative names that it asks for, such as `urn:uuid:0190b5a1-0000-7000-8000-000000000001`. */
  readonly names: readonly string[];
  /** Such as `ec-p256`, `ed25519`, `rsa-3072`; empty where it cannot be read. */
  readonly keyType: string;
  /** What is wrong with it: not PEM, a signature that its key did not make, another agent's uid. `undefined` if nothing is. */
  readonly problem: string | undefined;
}

const OPTIONS: RulesFor<SigningRequestsOptions> = { issue: isOneOf("at once", "by hand", "refuse") };
/** How {@link SigningOptions} are checked. */
export const signingRules: RulesFor<SigningOptions> = {
  validMs: isAmount,
  notBefore: isValidDate,
  usage: isOneOf("server", "client", "both"),
};
export function checkSigningRequests(where: string, value: unknown): void {
  checkByRules(where, value, OPTIONS, ["issue"]);
}
