import { REDACTED, type SecretNames } from "./secret-names.js";

/** What has no space in it; an apostrophe may be part of a password. */
const WORD = /[^\s"<>`]+/g;

/** Hosts, with a part of the path, and parts of paths that a secret follows: the address is as good as a password. */
const BEFORE_SECRETS = [
  "hooks?\\.[^/]+",
  "hc-ping\\.com",
  "nosnch\\.in",
  "[^/]*\\bloggly\\.com/(?:bulk|inputs)",
  "[^/]*\\bpagerduty\\.com/integration",
  ...[
    "(?:web)?hooks?",
    "webhookb2",
    "IncomingWebhook",
    "receiver/v\\d/[a-z]+",
    "v\\d/inputs?",
    "ping(?=/[\\da-f-]{36})",
    "services(?=/T\\w{0,20}/B)",
    "integrations/generic/\\d+/alert",
    "(?:api-?)?(?:key|token)(?=/(?![a-z-]{1,24}(?:/|$)))",
  ].map((part) => `[^?#]{0,512}?/${part}`),
];
const TO_SECRET = new RegExp(
  `^(?:(?:${BEFORE_SECRETS.join("|")})/(?=[^/])|api\\.telegram\\.org/bot(?=[^/])|[^?#]{0,512}?/bot(?=\\d+:))`,
  "i",
);
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const HEXADECIMAL = /^(?=.*\d)(?=.*[a-f])[\da-f]{24,}$/i;
const SHORTEST_RANDOM = 20;
const LONGEST_RANDOM = 1_024;

/** A host with a port, or of three names and more, and a path: errors say where something happened without the scheme. */
const BARE_ADDRESS = /^['([]?(?:(?:[\w-]+\.)*[\w-]+:\d{1,5}|(?:[\w-]+\.){2,}[a-z]{2,})\/\S/i;

/** Hides users and passwords, secret parts of paths, and the values of queries, in each URL of a text. */
export function scrubUrls(text: string, names: SecretNames): string {
  if (!text.includes("@") && !text.includes("/")) return text;
  return text.replace(WORD, (word) => scrubWord(word, names));
}

/** The secrets of each URL in a word. */
function scrubWord(word: string, names: SecretNames): string {
  const end = endWithoutPunctuation(word);
  if (BARE_ADDRESS.test(word)) return scrubAddress(word.slice(0, end), names, false) + word.slice(end);
  if (!word.includes("://")) return scrubBareUser(word);
  const [scheme = "", ...rests] = word.slice(0, end).split("://");
  let before = scheme;
  const clean = rests.map((rest) => {
    const isFile = before.endsWith("file");
    before = rest;
    return scrubAddress(rest, names, isFile);
  });
  return [scheme, ...clean].join("://") + word.slice(end);
}

/** What follows the scheme. */
function scrubAddress(address: string, names: SecretNames, isFile: boolean): string {
  const authority = address.replace(/[/?#].*/, "");
  let userEnd = authority.lastIndexOf("@");
  // A slash in a password, which should have been escaped, makes it look like a port.
  if (userEnd < 0 && /:(?!\d*$)/.test(authority)) userEnd = address.lastIndexOf("@");
  const rest = address.slice(userEnd + 1);
  const queryAt = rest.search(/[?#]/);
  const path = queryAt < 0 ? rest : rest.slice(0, queryAt);
  const query = queryAt < 0 ? "" : scrubQuery(rest.slice(queryAt), names);
  const clean = (isFile ? path : scrubPath(path)) + query;
  return userEnd < 0 ? clean : `${REDACTED}@${clean}`;
}

/** @param path with the host before it */
function scrubPath(path: string): string {
  const [place] = TO_SECRET.exec(path) ?? [];
  if (place !== undefined) return place + REDACTED;
  const [host = "", ...segments] = path.split("/");
  return [host, ...segments.map((segment) => (looksRandom(segment) ? REDACTED : segment))].join("/");
}

/** Whether a part of a path was made by chance rather than by a person; the ids of tenants are UUIDs, and worth seeing. */
function looksRandom(segment: string): boolean {
  if (segment.length > LONGEST_RANDOM) return true;
  if (/^[\w+~%-]{6,}={1,2}$/.test(segment) || HEXADECIMAL.test(segment)) return true;
  if (segment.length < SHORTEST_RANDOM || UUID.test(segment) || !/^[\w.~+=%-]+$/.test(segment)) return false;
  const numbers = segment.match(/\d+/g)?.length ?? 0;
  const isMixed = /[a-z]/.test(segment) && /[A-Z]/.test(segment);
  return isMixed ? numbers >= 2 : numbers >= 3 && /^[a-z\d]+$/i.test(segment) && /[a-z]/i.test(segment);
}

function scrubQuery(query: string, names: SecretNames): string {
  return query.replace(/([?#&;]?)([^?#&;]+)/g, (all, mark: string, pair: string) => {
    const equals = pair.indexOf("=");
    if (equals < 0) return mark === "#" ? all : `${mark}${REDACTED}`;
    const name = pair.slice(0, equals);
    return names.isAllowed(name) ? all : `${mark}${name}=${REDACTED}`;
  });
}

/** What an image is named by: `repository:tag@sha256:...`. */
const IMAGE_DIGEST = /^@sha\d{3}:[0-9a-f]{32,}$/;

/** As in `user:password@host`, where the scheme was left out. */
function scrubBareUser(word: string): string {
  const userEnd = word.lastIndexOf("@");
  const colon = word.indexOf(":");
  const isUser = colon >= 0 && colon < userEnd && !IMAGE_DIGEST.test(word.slice(userEnd, endWithoutPunctuation(word)));
  return isUser ? `${REDACTED}${word.slice(userEnd)}` : word;
}

/** Where the word ends if it is followed by punctuation of the sentence around it. */
function endWithoutPunctuation(word: string): number {
  let end = word.length;
  while (end > 0 && "),.;:!?]}'".includes(word.charAt(end - 1)) && !word.endsWith(REDACTED, end)) end -= 1;
  return end;
}
