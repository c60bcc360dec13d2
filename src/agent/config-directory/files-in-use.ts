import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, hasCode, messageOf } from "../../errors.js";
import type { ConfigFiles } from "../../values/config-files.js";
import { readRegularFile } from "../regular-file.js";
import { contentTypeOf, type Version } from "./config-manifest.js";
import type { ConfigPlace } from "./config-place.js";

/** What a program reads in a config directory. */
export interface InUse {
  readonly place: ConfigPlace;
  readonly version: Version;
  /** The directory may show another version, which is on trial. */
  readonly onTrial: boolean;
}

/**
 * The files that the program reads under names that were offered, and the user's own where no offer hides them; links of
 * the user's are followed. What cannot be read is left out.
 *
 * @param problems why files were left out at last, by their names; each is logged once
 * @throws the system's error, `ENOENT` where another version came into use meanwhile
 */
export async function filesInUse(
  { place, version, onTrial }: InUse,
  problems: Map<string, string>,
): Promise<ConfigFiles> {
  const { settings, versions, links, host } = place;
  const offered = new Set(version.files.map(({ path }) => path));
  const local = settings.localFiles.filter((name) => !offered.has(name));
  const points = new Map((await links.look([...offered, ...local])).map((point) => [point.path, point.kind]));
  const files: [string, { body: Uint8Array; contentType: string }][] = [];

  async function addOwn(name: string, path: string, contentType: string): Promise<void> {
    const place = join(settings.directory, path);
    try {
      files.push([name, { body: await readRegularFile(place), contentType }]);
      if (problems.delete(path)) host.log?.info(`${place} can be read again`);
    } catch (error) {
      if (points.get(path) === "file" && hasCode(error, "ENOENT")) throw error;
      const problem = codeOf(error) ?? messageOf(error);
      if (problems.get(path) !== problem) {
        host.log?.warn(`${place} cannot be read and is not reported: ${messageOf(error)}`);
      }
      problems.set(path, problem);
    }
  }

  for (const { name, path, contentType } of version.files) {
    // The program reads it in the version in use, unless somebody put another file or link in place of the link.
    const kind = onTrial ? "link" : points.get(path);
    if (kind === "link") {
      files.push([name, { body: await readFile(join(versions.filesOf(version.id), path)), contentType }]);
    } else if (kind !== "absent" && kind !== "directory") await addOwn(name, path, contentType);
  }
  for (const name of local) {
    const kind = points.get(name);
    if (kind !== "absent" && kind !== "link") await addOwn(name, name, contentTypeOf(name));
  }
  return Object.fromEntries(files);
}
