import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { MOST_CRASHES } from "../../base/trial.js";
import { failureText } from "../../connection-settings/final-failure.js";
import {
  type ConnectionSettings,
  laidOver,
  type OwnSettings,
  sameConnection,
} from "../../connection-settings/laid-over.js";
import { overlay, secondsOf } from "../../connection-settings/overlay.js";
import { checkPolicy } from "../../connection-settings/policy.js";
import { readOpAMPOffer } from "../../connection-settings/read-offer.js";
import { encodePlain, NO_SNAPSHOT, type Snapshot } from "../../connection-settings/snapshot.js";
import type { Offered, SwitchFailure } from "../../core/io.js";
import { OpAMPError } from "../../errors.js";
import { ConnectionSettingsOffersSchema } from "../../gen/opamp/v1/opamp_pb.js";
import { shownUrl } from "../../transport/url/endpoint.js";
import type { SettingsRules } from "../settings/settings-rules.js";
import type { HostCall } from "./host-call.js";
import { NO_CERTIFICATE } from "./offered-hints.js";

/** An offer of connection settings. */
export type SettingsOffer = Extract<Offered, { kind: "connectionSettings" }>;

/** What an offer comes to: other settings for the connection where there are any, and the interval that it names. */
export interface Plan {
  readonly move: Move | undefined;
  readonly seconds: bigint | undefined;
}

/** Settings to be tried. */
export interface Move {
  readonly snapshot: Snapshot;
  readonly settings: ConnectionSettings;
  /** The client's certificate goes, as the offer names none. */
  readonly dropsCertificate: boolean;
}

/** An offer that is being applied. */
export interface Run {
  readonly id: number;
  readonly offered: SettingsOffer;
  /** The look of the host at it. */
  readonly look: HostCall;
  /** Called once, with the reason where the offer's settings are not in force. */
  readonly ended: (error: string | undefined) => void;
  plan: Plan | undefined;
  /** Its certificate is the one that the agent asked for. */
  isRequested: boolean;
}

/** The ground on which offers are read: the options, and what they let a server change. */
export class OfferReader {
  readonly #own: OwnSettings;
  readonly #rules: SettingsRules;
  readonly #record: { readonly isLasting: boolean };
  readonly #pendingKeys: () => readonly string[];

  /** @param pendingKeys the private keys that certificates were asked for with, in PEM */
  constructor(
    own: OwnSettings,
    rules: SettingsRules,
    record: { readonly isLasting: boolean },
    pendingKeys: () => readonly string[] = () => [],
  ) {
    this.#own = own;
    this.#rules = rules;
    this.#record = record;
    this.#pendingKeys = pendingKeys;
  }

  laidOver(snapshot: Snapshot): ConnectionSettings {
    return laidOver(this.#own, snapshot, this.#rules.keepHeaders);
  }

  /** Settings that this agent takes. @throws OpAMPError `ERR_OPAMP_SETTINGS` */
  checked(snapshot: Snapshot, inForce: Snapshot): ConnectionSettings {
    const settings = this.laidOver(snapshot);
    const { isLasting } = this.#record;
    const ground = { own: this.laidOver(NO_SNAPSHOT), inForce: this.laidOver(inForce), isLasting };
    checkPolicy(settings, snapshot, ground, this.#rules);
    return settings;
  }

  /**
   * What an offer comes to on top of the settings in force.
   *
   * @param wallNow milliseconds since the Unix epoch
   * @throws OpAMPError `ERR_OPAMP_SETTINGS` with what is wrong with it, or not allowed
   */
  plan({ offer: { opamp } }: SettingsOffer, inForce: Snapshot, wallNow: number): Plan {
    if (opamp === undefined) return { move: undefined, seconds: undefined };
    const current = this.laidOver(inForce);
    const offered = readOpAMPOffer(opamp, wallNow, [...this.#pendingKeys(), ...ownKeys(current)]);
    const meant = overlay(inForce, offered, this.#rules);
    const { seconds } = meant;
    if (meant.type === "interval") return { move: undefined, seconds };
    const move = this.#move(meant.next, inForce);
    if (sameConnection(move.settings, current)) return { move: undefined, seconds };
    // Above its bound it is refused before anything is done.
    encodePlain(meant.next);
    return { move, seconds };
  }

  /** What an offer came to that an earlier process was trying. @throws OpAMPError `ERR_OPAMP_SETTINGS` */
  resumed(snapshot: Snapshot, { offer: { opamp } }: SettingsOffer, inForce: Snapshot): Plan {
    const seconds = secondsOf(opamp?.heartbeatIntervalSeconds || undefined, this.#rules);
    return { move: this.#move(snapshot, inForce), seconds };
  }

  #move(snapshot: Snapshot, inForce: Snapshot): Move {
    const settings = this.checked(snapshot, inForce);
    const hasCertificate = this.laidOver(inForce).tls?.cert !== undefined;
    return { snapshot, settings, dropsCertificate: hasCertificate && settings.tls?.cert === undefined };
  }
}

/** The key of the certificate in force, where its text is known here. */
function ownKeys({ tls }: ConnectionSettings): readonly string[] {
  const isKnown = tls?.key?.includes("-----BEGIN") === true && tls.passphrase === undefined;
  return isKnown && tls.key !== undefined ? [tls.key] : [];
}

/** What the server is told of settings that are not in force. @param last why the last attempt failed */
export function whyNot(
  { why, text = "" }: SwitchFailure,
  move: Move | undefined,
  last: OpAMPError | undefined,
  verifyMs: number,
): string {
  const place = move === undefined ? "its server" : shownUrl(move.settings.endpoint.url.href);
  const reason = last === undefined ? `${place} did not answer` : failureText(whereGivenUp(last));
  const isMissing = move?.dropsCertificate === true && !reason.includes(NO_CERTIFICATE);
  const certificate = isMissing ? `; ${NO_CERTIFICATE}` : "";
  switch (why) {
    case "unstored":
      return `the settings could not be stored: ${text}`;
    case "unkept":
      return "the settings are in force, but may be lost with a restart: the store does not answer";
    case "crashed":
      return diedOfIt;
    case "refused":
      return `the server refused the report: ${text}${certificate}`;
    case "final":
      return `${reason}${certificate}`;
    case "paused":
      return `the server wants a longer pause than the ${verifyMs} ms that settings may take: ${reason}`;
    case "unknown":
      return `not proved within ${verifyMs} ms: ${place} answered without naming this agent or any capability, as a server of something else does${certificate}`;
    case "overdue":
      return `not proved within ${verifyMs} ms: ${reason}${certificate}`;
    default:
      return why satisfies never;
  }
}

/** The client comes back by itself to settings in force alone. */
function whereGivenUp(error: OpAMPError): OpAMPError {
  const { code, message } = error;
  return code === "ERR_OPAMP_THROTTLED"
    ? new OpAMPError(code, message, { hint: "offer the settings again later" })
    : error;
}

export const diedOfIt = `the process ended ${MOST_CRASHES} times while these settings were tried (find out why; retryConnectionSettings() on the agent tries them again, and so does an offer with another hash)`;

/** An offer as it was sent. */
export function bytesOf({ offer }: SettingsOffer): Uint8Array {
  return toBinary(ConnectionSettingsOffersSchema, offer);
}

/** The opposite of {@link bytesOf}. @throws Error for anything else */
export function offerOf(bytes: Uint8Array, digest: Uint8Array | undefined): SettingsOffer {
  const offer = fromBinary(ConnectionSettingsOffersSchema, bytes);
  return { kind: "connectionSettings", hash: new Uint8Array(offer.hash), digest, offer };
}
