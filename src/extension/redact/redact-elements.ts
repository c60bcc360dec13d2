import type { HiddenKeys } from "./hidden-keys.js";
import { isHarmless, REDACTED } from "./secret-value.js";

/** An element of XML with nothing but text in it. */
const ELEMENT = /<([\w.:-]{1,256})(\s[^<>]*)?>(<!\[CDATA\[[^<>]*\]\]>|[^<>]+)<\/\1\s*>?/g;
/** One that ends on a later line. */
const OPENED = /<([\w.:-]{1,256})(?:\s[^<>]*)?>\s*$/;
const TAG = /<[\w.:-]{1,256}\s[^<>]*>/g;
const NAME = /\s(?:key|name)\s*=\s*(?:"([^"]*)"|'([^']*)')/i;
const VALUE = /(\svalue\s*=\s*)("[^"]*"|'[^']*')/i;

/** Takes the secrets out of the elements and attributes of XML on a line: `<token>...`, `<add key="Token" value="..."/>`. */
export function redactElements(line: string, keys: HiddenKeys): string {
  if (!line.includes("<")) return line;
  const tags = line.replace(TAG, (tag) => (isNamedSecret(tag, keys) ? tag.replace(VALUE, hideAttribute) : tag));
  if (!line.includes("</")) return tags;
  return tags.replace(ELEMENT, (all, name: string, attributes: string | undefined, text: string) => {
    const isSecret = keys.isSecretName(name) || isNamedSecret(attributes ?? "", keys);
    if (!isSecret || isHarmless(text.trim())) return all;
    const from = 1 + name.length + (attributes ?? "").length + 1;
    return all.slice(0, from) + REDACTED + all.slice(from + text.length);
  });
}

/** What ends the secret that begins on the next line; `undefined` where none does. */
export function elementEnd(line: string, keys: HiddenKeys): string | undefined {
  const [tag = "", name = ""] = OPENED.exec(line) ?? [];
  const isSecret = name !== "" && !tag.includes("/>") && (keys.isSecretName(name) || isNamedSecret(tag, keys));
  return isSecret ? `</${name}` : undefined;
}

function isNamedSecret(attributes: string, keys: HiddenKeys): boolean {
  const [, double, single] = NAME.exec(attributes) ?? [];
  return keys.isSecretName(double ?? single ?? "");
}

function hideAttribute(all: string, head: string, quoted: string): string {
  return isHarmless(quoted.slice(1, -1)) ? all : `${head}${quoted.charAt(0)}${REDACTED}${quoted.charAt(0)}`;
}
