/** What stands where a secret stood, as the Collector writes it. */
export const REDACTED = "[REDACTED]";

/** As the Collector's configuration refers to what is kept elsewhere: `${env:TOKEN}`, `${TOKEN}`, `${file:/run/token}`. */
const REFERENCE = String.raw`\$\{(?:env:|file:)?[\w./-]+\}`;
/** References alone, with what may stand before them in a header and between them. */
const REFERENCES = new RegExp(`^(?:(?:apikey|basic|bearer|token)[ \\t]+)?(?:${REFERENCE}[:@/._,-]?)+$`, "i");
/** The name of an auth extension of the Collector, which `auth` leads to; the secret is there. */
const AUTH_EXTENSION =
  /^(?:asapclient|azureauth|basicauth|bearertokenauth|googleclientauth|headers_setter|oauth2client|sigv4auth)(?:\/[\w.-]+)?$/;
/** A replaced value that was not quoted reads like a list with one word in it. */
const ALREADY = new Set(["", REDACTED, REDACTED.slice(1, -1)]);

/** Whether a value in a secret place gives nothing away: empty, hidden before, or a reference to where the secret is. */
export function isHarmless(value: string): boolean {
  return ALREADY.has(value) || REFERENCES.test(value.trim()) || AUTH_EXTENSION.test(value);
}
