import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder with these files, for as long as the test runs. */
export async function folderWith(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "opamp-docs-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Runs something, and takes away what it began to listen for at the process. */
export async function withoutSignals<T>(run: () => Promise<T>): Promise<T> {
  const before = process.listeners("SIGTERM");
  try {
    return await run();
  } finally {
    for (const listener of process.listeners("SIGTERM")) {
      if (!before.includes(listener)) process.off("SIGTERM", listener);
    }
  }
}
