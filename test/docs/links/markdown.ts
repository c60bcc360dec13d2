/** The anchors of a page: its headings as GitHub and npm make them, and the ids that it sets itself. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  return new Set([...headingsOf(markdown).map(({ anchor }) => anchor), ...idsOf(markdown)]);
}

/** A heading, and how it is linked to. */
interface Heading {
  level: number;
  text: string;
  anchor: string;
}

/** The headings of a page, in order; what stands in code blocks is none. */
export function headingsOf(markdown: string): readonly Heading[] {
  const counts = new Map<string, number>();
  return [...withoutCode(markdown).matchAll(/^(#{1,6}) (.+)$/gm)].map(([, marks = "", raw = ""]) => {
    const text = raw.trim();
    const slug = slugOf(text);
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return { level: marks.length, text, anchor: count === 0 ? slug : `${slug}-${count}` };
  });
}

/** Where the links and images of a page lead. */
export function linksOf(markdown: string): readonly string[] {
  const text = withoutCode(markdown).replace(/`[^`\n]*`/g, "``");
  return [...text.matchAll(/\]\(([^()\s]+(?:\([^()\s]*\))?[^()\s]*)\)/g)].map(([, target = ""]) => target);
}

function idsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id);
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^( *)```[\s\S]*?^\1```$/gm, "");
}

/** Links count by their text, marks are left out, and spaces become hyphens. */
function slugOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
