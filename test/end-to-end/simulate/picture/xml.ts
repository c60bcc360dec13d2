/** An element of a parsed XML document. */
export interface Element {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: Element[];
  text: string;
}

const TOKEN = /<!--(?:(?!--)[\s\S])*-->|<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+/g;
const ALLOWED = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const REFERENCE = /&(?:#(\d+)|(amp|lt|gt|quot|apos));/g;

/** Parses the XML of a document without a document type. Throws for whatever is not well formed. */
export function parseXml(xml: string): Element {
  if (!ALLOWED.test(xml)) throw new Error("a character that XML does not allow");
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  let end = 0;
  for (const match of xml.matchAll(TOKEN)) {
    if (match.index !== end) throw new Error(`not XML: ${xml.slice(end, end + 40)}`);
    end += match[0].length;
    const [whole, closed, name, attributes = "", isEmpty] = match;
    const parent = open.at(-1);
    if (parent === undefined) throw new Error("something after the document");
    if (closed !== undefined) {
      if (parent.name !== closed) throw new Error(`</${closed}> closes <${parent.name}>`);
      open.pop();
    } else if (name !== undefined) {
      const element = { name, attributes: attributesIn(attributes), children: [], text: "" };
      parent.children.push(element);
      if (isEmpty === "") open.push(element);
    } else if (!whole.startsWith("<!--")) {
      parent.text += unescaped(whole);
    }
  }
  const [only] = root.children;
  const isWhole = end === xml.length && open.length === 1 && root.children.length === 1 && root.text.trim() === "";
  if (!isWhole || only === undefined) throw new Error("not one element that is closed");
  return only;
}

/** An element and all below it. */
export function allIn(element: Element): readonly Element[] {
  return [element, ...element.children.flatMap(allIn)];
}

function attributesIn(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    if (Object.hasOwn(found, name)) throw new Error(`${name} is there twice`);
    found[name] = unescaped(value);
  }
  return found;
}

function unescaped(text: string): string {
  if (text.replace(REFERENCE, "").includes("&")) throw new Error(`an ampersand that begins no reference: ${text}`);
  const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(REFERENCE, (_, code: string | undefined, name: string) =>
    code === undefined ? (named[name] ?? "") : String.fromCodePoint(Number(code)),
  );
}
