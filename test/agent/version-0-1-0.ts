import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** What can be opened with offer A, and with offer B. */
export const VIEW_A = { "a.yaml": "a: of A\n", "conf.d/b.yaml": "b: of A\n", "notes.txt": "never offered\n" };
export const VIEW_B = {
  "a.yaml": "a: of B\n",
  "c.yaml": "c: of B\n",
  "conf.d/b.yaml": "b: of B\n",
  "notes.txt": "never offered\n",
};

const MANIFEST_OWN =
  '{"format":1,"id":"2-local","base":"2-local","files":[{"path":"a.yaml","name":"a.yaml","contentType":"text/yaml","local":true}]}';
const MANIFEST_A =
  '{"format":1,"id":"4-41","hash":"41","base":"2-local","previous":"2-local","files":[{"path":"a.yaml","name":"a.yaml","contentType":"","local":false},{"path":"conf.d/b.yaml","name":"conf.d/b.yaml","contentType":"","local":false}]}';
const MANIFEST_B =
  '{"format":1,"id":"7-42","hash":"42","base":"2-local","previous":"4-41","files":[{"path":"a.yaml","name":"a.yaml","contentType":"","local":false},{"path":"conf.d/b.yaml","name":"conf.d/b.yaml","contentType":"","local":false},{"path":"c.yaml","name":"c.yaml","contentType":"","local":false}]}';

/** The files of each version, in its directory. */
export const VERSIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "2-local": { "manifest.json": MANIFEST_OWN, "files/a.yaml": "a: the user's\n" },
  "4-41": { "manifest.json": MANIFEST_A, "files/a.yaml": "a: of A\n", "files/conf.d/b.yaml": "b: of A\n" },
  "7-42": {
    "manifest.json": MANIFEST_B,
    "files/a.yaml": "a: of B\n",
    "files/c.yaml": "c: of B\n",
    "files/conf.d/b.yaml": "b: of B\n",
  },
};

/** Writes `<work>/config` as version 0.1.0 leaves it after offers A and B; with B on trial, as a crash leaves it. */
export function makeVersion010(work: string, options: { onTrial?: boolean; state?: string } = {}): void {
  const directory = join(work, "config");
  const state = options.state ?? join(directory, ".opamp");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "notes.txt"), "never offered\n");
  for (const [id, files] of Object.entries(VERSIONS)) {
    // The manifest is written last.
    for (const [name, text] of Object.entries(files).reverse()) {
      const path = join(state, "versions", id, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o751 });
      writeFileSync(path, text, { mode: name === "manifest.json" ? 0o600 : 0o640 });
    }
  }
  symlinkSync("versions/7-42/files", join(state, "current"));
  const through = options.state === undefined ? ".opamp/current" : join(state, "current");
  for (const name of ["a.yaml", "c.yaml", "conf.d"]) symlinkSync(`${through}/${name}`, join(directory, name));
  if (options.onTrial !== true) return;
  const trial = '{"phase":"trial","from":"4-41","to":"7-42","hash":"42","attempt":2}';
  writeFileSync(join(state, "trial.json"), trial, { mode: 0o600 });
  writeFileSync(join(state, "crashes.json"), '{"hash":"42","count":1}', { mode: 0o600 });
}

/** The files in each version that is kept, by its id. */
export function keptVersions(state: string): Record<string, Record<string, string>> {
  const versions = join(state, "opamp-config/versions");
  const kept: Record<string, Record<string, string>> = {};
  for (const id of readdirSync(versions).sort()) {
    const entries = readdirSync(join(versions, id), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    kept[id] = Object.fromEntries(
      files.sort().map((path) => [relative(join(versions, id), path), readFileSync(path, "utf8")]),
    );
  }
  return kept;
}
