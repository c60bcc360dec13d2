import { headingsOf } from "../links/markdown.js";

const ID = /^<a id="([^"]+)"><\/a>$/;

/**
 * Pages whose links lead to the anchors that their headings have where they are shown: TypeDoc counts headings of one name in
 * another order than they come in. The ids that it set for that are taken out, but for those in tables that a link names.
 *
 * @param pages by file name
 */
export function withAnchors(pages: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const cleaned = [...pages].map(([file, text]) => ({ file, ...clean(text) }));
  const anchors = new Map(cleaned.flatMap(({ file, ids }) => [...ids].map(([id, real]) => [`${file}#${id}`, real])));
  const linked = new Set<string>();
  const linkedPages = cleaned.map(({ file, text }) => {
    const relinked = text.replace(/\]\((\w+\.md)?#([^)]+)\)/g, (link, page: string | undefined, id: string) => {
      linked.add(`${page ?? file}#${id}`);
      const real = anchors.get(`${page ?? file}#${id}`);
      return real === undefined ? link : `](${page ?? ""}#${real})`;
    });
    return [file, relinked] as const;
  });
  return new Map(
    linkedPages.map(([file, text]) => [
      file,
      text.replace(/<a id="([^"]+)"><\/a> /g, (tag, id: string) => (linked.has(`${file}#${id}`) ? tag : "")),
    ]),
  );
}

/** A text without the ids before its headings, and the headings' own anchors by these ids. */
function clean(text: string): { text: string; ids: ReadonlyMap<string, string> } {
  const places = new Map<string, number>();
  const kept: string[] = [];
  let headings = 0;
  let inCode = false;
  let id: string | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) inCode = !inCode;
    const found = inCode ? undefined : ID.exec(line)?.[1];
    if (found !== undefined) id = found;
    else kept.push(line);
    if (inCode || !/^#{1,6} /.test(line)) continue;
    if (id !== undefined) places.set(id, headings);
    id = undefined;
    headings += 1;
  }
  const cleaned = kept.join("\n").replace(/\n{3,}/g, "\n\n");
  const all = headingsOf(cleaned);
  return { text: cleaned, ids: new Map([...places].map(([name, place]) => [name, all[place]?.anchor ?? name])) };
}
