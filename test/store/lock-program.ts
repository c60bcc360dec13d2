import { writeSync } from "node:fs";
import { fileStore } from "../../src/store/file-store.js";

/** A process that has the store in the directory named by its first argument, until it ends. */
async function main(directory: string): Promise<void> {
  await fileStore(directory).load();
  writeSync(1, "loaded\n");
  process.stdin.resume();
}

await main(process.argv[2] ?? "");
