/** The longest that one text from outside may make a log line, in characters. */
const LONGEST = 1_000;
/** How much of a text is looked at; redaction can make it shorter. */
const LONGEST_RAW = 16 * 1_024;
/** Control characters, line and paragraph ends, halves of pairs, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A text from outside, fit for a log line: nobody who writes it can begin a line of their own, hide one or fill the disk.
 *
 * @param redact takes secrets out
 */
export function oneLine(text: string, redact: (text: string) => string): string {
  const clean = redact(text.length > LONGEST_RAW ? beforeLastSpace(text.slice(0, LONGEST_RAW)) : text);
  const cut = clean.slice(0, LONGEST);
  const left = clean.length - cut.length + Math.max(0, text.length - LONGEST_RAW);
  return cut.replace(UNPRINTABLE, escaped) + (left > 0 ? `... (${left} more)` : "");
}

/** A secret cut in half might not be known for one. */
function beforeLastSpace(text: string): string {
  const space = text.lastIndexOf(" ");
  return space > text.length - LONGEST ? text.slice(0, space) : text;
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
