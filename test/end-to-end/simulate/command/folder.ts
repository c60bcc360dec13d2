import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that ends with the test. */
export function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "opamp-simulate-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
