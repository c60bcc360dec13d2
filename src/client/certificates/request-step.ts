import type { CertificateRules } from "../certificate-options.js";
import type { RequestRecord } from "./request-record.js";

/** What is to be done about certificates. */
export type Step = "make" | "makeWithSameKey" | "sendAgain";

/** What that follows from. */
export interface Ground {
  readonly rules: Pick<CertificateRules, "request" | "keyType" | "askAgainMs">;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** What a request would be about. */
  readonly about: string;
  /** The host of the server. */
  readonly server: string;
  /** The host wants a certificate now. */
  readonly isAsked: boolean;
  /** When the certificate that the server gave is to be followed by another; `undefined` where there is none. */
  readonly renewAt: number | undefined;
}

/** What is to be done next, by what has become of the last request. */
export function nextStep(record: RequestRecord | undefined, ground: Ground): Step | undefined {
  const { rules, now, about, server, isAsked, renewAt } = ground;
  const isOther = record !== undefined && record.about !== about;
  if (record === undefined || record.state === "issued") {
    const isDue = renewAt === undefined || isOther || now >= renewAt;
    return isAsked || (rules.request && isDue) ? "make" : undefined;
  }
  // A request that says something else is for the same key, unless that is of another kind.
  const remake = record.keyType === rules.keyType ? "makeWithSameKey" : "make";
  const isElsewhere = record.server !== server;
  // A clock that was set back by so much is as good a reason.
  const isLong = Math.abs(now - record.at) >= rules.askAgainMs;
  switch (record.state) {
    case "waiting":
      return isOther ? remake : undefined;
    case "requested":
      if (isOther) return remake;
      return isAsked || isElsewhere || isLong ? "sendAgain" : undefined;
    case "refused":
      return isAsked || (rules.request && (isOther || isElsewhere || isLong)) ? "make" : undefined;
    default:
      return record.state satisfies never;
  }
}
