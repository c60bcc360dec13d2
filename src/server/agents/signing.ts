import { wrongOption } from "../../base/checks.js";
import { checkByRules, isBytes, type RulesFor } from "../../base/rules.js";
import { messageOf, OpAMPError } from "../../errors.js";
import {
  type AgentToServer,
  type ConnectionSettingsOffers,
  ServerErrorResponseType,
} from "../../gen/opamp/v1/opamp_pb.js";
import { errorAnswer, type ServerToAgentFields } from "../answer.js";
import { type SigningOptions, signingRules } from "../signing/signing-options.js";
import type { AgentExchange } from "./agent-exchange.js";
import { type OfferedOpAMP, settingsOffer } from "./settings-offer.js";

/** The certificate that {@link ServerAgent.issueCertificate} issues, and what it is offered with. */
export interface IssueCertificateOptions extends SigningOptions {
  /** What else the offer changes (CERT-07). Default: nothing. */
  opamp?: Omit<OfferedOpAMP, "certificate"> | undefined;
  /** Of the offer. Default: SHA-256 over it. */
  hash?: Uint8Array | undefined;
}

const ISSUE: RulesFor<IssueCertificateOptions> = {
  ...signingRules,
  // Checked with the offer that it is a part of.
  opamp: () => undefined,
  hash: isBytes,
};
const REFUSED = "the signing request was refused";

/**
 * Issues the certificate that an agent asked for.
 *
 * @returns the offer to make
 * @throws {OpAMPError} ERR_OPAMP_OPTION
 */
export async function issueCertificate(
  { signing, side: { signer } }: AgentExchange,
  options: IssueCertificateOptions = {},
): Promise<ConnectionSettingsOffers> {
  checkByRules("issueCertificate", options, ISSUE);
  if (signer === undefined) {
    throw new OpAMPError("ERR_OPAMP_OPTION", "issueCertificate: the server has no authority", {
      hint: 'start it with `signingRequests: { issue: "by hand" }`',
    });
  }
  if (signing === undefined) throw noRequest("issueCertificate");
  const { opamp, hash, ...special } = options;
  const certificate = { cert: await signer.issue(signing, special), ca: signer.ca };
  const offer = settingsOffer({ hash, opamp: { ...opamp, certificate } });
  signing.answer = "issued";
  return offer;
}

/** Takes a signing request off the list. @returns BAD_REQUEST, for the server to send (CERT-08) */
export function refuseSigningRequest({ signing }: AgentExchange, message = REFUSED): ServerToAgentFields {
  if (signing === undefined) throw noRequest("refuseSigningRequest");
  signing.answer = "refused";
  return errorAnswer(ServerErrorResponseType.ServerErrorResponseType_BadRequest, message);
}

/**
 * Sees to it that the answer to a message that asks for a certificate says what becomes of that.
 *
 * @returns what to wait for before that answer; nothing where no certificate is issued now
 */
export function answerSigningRequest(
  exchange: AgentExchange,
  { connectionSettingsRequest }: AgentToServer,
): Promise<void> | undefined {
  if (connectionSettingsRequest?.opamp?.certificateRequest === undefined) return undefined;
  const mode = exchange.side.signer?.mode;
  const refuse = (message?: string): void => exchange.refuseNext(refuseSigningRequest(exchange, message));
  switch (mode) {
    case undefined:
    case "by hand":
      return undefined;
    case "refuse":
      refuse();
      return undefined;
    case "at once":
      return issueCertificate(exchange).then(
        (offer) => {
          exchange.settings = offer;
        },
        (thrown) => refuse(messageOf(thrown)),
      );
    default:
      return mode satisfies never;
  }
}

function noRequest(call: string): OpAMPError {
  return wrongOption(call, "the agent has not sent a signing request");
}
