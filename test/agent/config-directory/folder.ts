import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { create } from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import { AgentRemoteConfigSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { type RemoteConfig, toRemoteConfig } from "../../../src/values/config-files.js";

/** A directory of its own, which ends with the test. */
export function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "opamp-agent-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An offer of files by name; a file is its text, or its text and content type. */
export function offer(hash: string, files: Readonly<Record<string, string | [string, string]>>): RemoteConfig {
  const entries = Object.entries(files).map(([name, file]) => {
    const [text, contentType] = typeof file === "string" ? [file, ""] : file;
    return [name, { body: Buffer.from(text), contentType }] as const;
  });
  return toRemoteConfig(
    create(AgentRemoteConfigSchema, {
      configHash: Buffer.from(hash),
      config: { configMap: Object.fromEntries(entries) },
    }),
  );
}

/** All that can be opened in a directory by following links, by name; not what is hidden. */
export function visible(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  const walk = (at: string) => {
    for (const name of readdirSync(at).sort()) {
      if (name.startsWith(".")) continue;
      const path = join(at, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.isDirectory() === true) walk(path);
      else if (found?.isFile() === true) files[relative(directory, path)] = readFileSync(path, "utf8");
    }
  };
  walk(directory);
  return files;
}

/** Names of what should not be there: links that lead nowhere, temporary files, notes on what is under way. */
export function litter(directory: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isDangling = entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false }) === undefined;
    const isTemporary = /\.tmp$|^\.opamp-link$/.test(entry.name) || entry.parentPath.endsWith("/opamp-config/tmp");
    // One that only remembers crashes is not under way.
    const isTrial = entry.name === "trial.json" && JSON.parse(readFileSync(path, "utf8")).phase !== "none";
    if (isDangling || isTemporary || isTrial) found.push(relative(directory, path));
  }
  return found;
}

/** Everything in a directory with its content, hidden or not: what must be the same if nothing is to be changed. */
export function everything(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[relative(directory, path)] = entry.isSymbolicLink()
      ? `-> ${readlinkSync(path)}`
      : entry.isFile()
        ? readFileSync(path, "utf8")
        : "directory";
  }
  return found;
}

/** Makes a script that the shell runs. */
export function script(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}
