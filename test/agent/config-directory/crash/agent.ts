import type { RemoteConfig } from "../../../../src/values/config-files.js";
import { openDirectory } from "../open-directory.js";

/*
 * What `opamp agent` does with one offer: prepares and applies. Arguments: the directory, the command, and an offer as
 * JSON, { hash, files } with texts.
 */

const [directory = "", command = "", json = ""] = process.argv.slice(2);
const { hash, files } = JSON.parse(json) as { hash: string; files: Record<string, string> };
const config: RemoteConfig = {
  hash: Buffer.from(hash),
  isEmpty: Object.keys(files).length === 0,
  files: Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name,
      { body: Buffer.from(text), contentType: "", text: () => text, json: () => undefined },
    ]),
  ),
};
const configs = openDirectory({ directory, command, timeoutMs: 10_000 });
await configs.prepare();
await configs.handler.apply(config, { signal: new AbortController().signal, previous: undefined });
