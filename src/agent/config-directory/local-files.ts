import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../errors.js";
import type { RemoteConfigSettings } from "./config-place.js";

/** A line about each of `local_files` that is not there, where somebody may have mistyped its name. */
export async function missingLocalFiles({
  directory,
  localFiles,
}: Pick<RemoteConfigSettings, "directory" | "localFiles">): Promise<readonly string[]> {
  const found = await Promise.all(
    localFiles.map(async (name) => {
      const path = join(directory, name);
      const code = await lstat(path).then(() => undefined, codeOf);
      return code === "ENOENT" ? [`remote_config.local_files: there is no file ${path}`] : [];
    }),
  );
  return found.flat();
}
