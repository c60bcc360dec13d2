import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Application, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import { inTemporaryFolder } from "../../packaging/in-temporary-folder.js";
import { withoutRequirements } from "../../packaging/without-requirements.js";
import { headingsOf } from "../links/markdown.js";
import { withAnchors } from "./api-anchors.js";
import { prepare, reorder } from "./api-reflections.js";
import { apiSections } from "./api-sections.js";
import { ApiTheme } from "./api-theme.js";
import { protoPage } from "./proto-page.js";

const sources = resolve(import.meta.dirname, "../../../src");

/** The entry points, by the names of their folders in `src`, and what each is for. */
const entryPoints = [
  ["index", "opamp-client", "The client, and what an agent needs beside it."],
  [
    "extension",
    "opamp-client/extension",
    "The configuration of the Collector's OpAMP extension, and what that extension does. The helpers for [description](index.md#description-of-the-agent), " +
      "[health](index.md#health-of-components) and [effective config](index.md#effective-config) of `opamp-client` are exported here too.",
  ],
  ["testing", "opamp-client/testing", "A server, a network and a clock for tests of agents and of servers."],
] as const;

const options: TypeDocOptions & PluginOptions = {
  entryPoints: entryPoints.map(([name]) => join(sources, name === "index" ? "" : name, "index.ts")),
  tsconfig: resolve(sources, "../tsconfig.build.json"),
  basePath: sources,
  plugin: ["typedoc-plugin-markdown"],
  theme: "api",
  readme: "none",
  logLevel: "Error",
  skipErrorChecking: true,
  disableSources: true,
  disableGit: true,
  excludeInternal: true,
  excludePrivate: true,
  categorizeByGroup: false,
  categoryOrder: apiSections.map(({ title }) => title),
  sort: ["kind", "source-order"],
  kindSortOrder: [
    "Class",
    "Function",
    "Constructor",
    "Property",
    "Accessor",
    "Method",
    "Variable",
    "TypeAlias",
    "Interface",
  ],
  router: "module",
  hidePageTitle: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  hideGroupHeadings: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  typeDeclarationFormat: "table",
  propertyMembersFormat: "table",
  useCodeBlocks: true,
  expandObjects: true,
  expandParameters: true,
  useHTMLAnchors: true,
  tableColumnSettings: { hideDefaults: true, hideInherited: true, hideModifiers: true, hideOverrides: true },
};

/** The pages of `docs/api`, by file name. */
export async function apiPages(): Promise<ReadonlyMap<string, string>> {
  return await inTemporaryFolder(async (folder) => {
    // TypeDoc empties its output folder, so it gets none in the project.
    const outputs = [{ name: "markdown", path: folder }];
    const app = await Application.bootstrapWithPlugins({ ...options, outputs });
    app.renderer.defineTheme("api", ApiTheme);
    prepare(app, sources);
    const project = await app.convert();
    if (project === undefined) throw new Error("TypeDoc cannot read the sources");
    reorder(project);
    await app.generateOutputs(project);
    const texts = entryPoints.map(([name, title, what]): [string, string] => {
      const text = tidy(readFileSync(join(folder, `${name}.md`), "utf8"), name);
      return [`${name}.md`, `# ${title}\n\n${what}\n\n${text}\n`];
    });
    const pages = [...withAnchors(new Map(texts))].map(([file, text]): [string, string] => [file, withContents(text)]);
    return new Map([...pages, ["proto.md", protoPage()]]);
  });
}

/** A type that TypeScript has resolved where functions give it, and the name of it. */
const CONFIG_FILES =
  "`Readonly`\\<`Record`\\<`string`, \\{ `body`: `string` \\| `Uint8Array`\\<`ArrayBufferLike`\\>; `contentType?`: `string`; \\}\\>\\>";

/** Without rows for the members of a member, which its type has too, and without what only the project's readers know. */
function tidy(text: string, page: string): string {
  return withoutRequirements(text)
    .replaceAll(CONFIG_FILES, `[\`ConfigFiles\`](${page === "index" ? "" : "index.md"}#configfiles)`)
    .replace(/^\| `\w+\??\.[^|]* \|.* \| - \|\n/gm, "")
    .replace(/^\*{3}\n\n/gm, "")
    .trim();
}

/** A page with a line for each section before the first one, which has its exports. */
function withContents(text: string): string {
  const lines: string[] = [];
  for (const { level, text: name, anchor } of headingsOf(text)) {
    if (level === 2) lines.push(`- **[${name}](#${anchor})**:`);
    if (level === 3) lines.push(`${lines.pop()} [${name}](#${anchor}),`);
  }
  return text.replace("\n## ", `\n${lines.map((line) => line.replace(/,$/, "")).join("\n")}\n\n## `);
}
