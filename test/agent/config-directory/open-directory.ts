import { join } from "node:path";
import {
  type ConfigDirectory,
  type ConfigDirectoryHost,
  configDirectory,
} from "../../../src/agent/config-directory/config-directory.js";
import type { RemoteConfigSettings } from "../../../src/agent/config-directory/config-place.js";

export type DirectoryOptions = Partial<RemoteConfigSettings> & Pick<ConfigDirectoryHost, "log">;

/** A config directory with the defaults of the file for what is not given. */
export function openDirectory(
  { log, directory, ...settings }: DirectoryOptions & { directory: string },
  host: ConfigDirectoryHost = {},
): ConfigDirectory {
  const defaults = {
    state: join(directory, ".opamp"),
    ownPaths: [],
    localFiles: [],
    timeoutMs: 30_000,
    fileMode: 0o640,
  };
  const commands = { validate: undefined, command: undefined, reload: undefined, allow: undefined };
  return configDirectory({ directory, ...defaults, ...commands, ...settings }, { log, ...host });
}
