import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readNamedFile, readNamedFileSync } from "../../src/base/read-file.js";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "opamp-read-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function pipe(): string {
  const path = join(folder(), "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

describe.each([
  ["readNamedFile", readNamedFile],
  ["readNamedFileSync", async (path: string, limitMs?: number) => readNamedFileSync(path, limitMs)],
])("%s", (_name, read) => {
  test("reads a file, and fails as the system does", async () => {
    const path = join(folder(), "file");
    writeFileSync(path, "text");
    expect(String(await read(path))).toBe("text");
    await expect(read(`${path}.none`)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(read(tmpdir())).rejects.toMatchObject({ code: "EISDIR" });
  });

  test("gives a pipe up that nobody writes to", async () => {
    await expect(read(pipe(), 50)).rejects.toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining("0.05 s"),
    });
  });

  test("reads a pipe that somebody writes to, to its end", async () => {
    const path = pipe();
    const writer = await fs.open(path, "r+");
    await writer.write("first ");
    appendFileSync(path, "last");
    const reading = read(path, read === readNamedFile ? 60_000 : 500);
    if (read === readNamedFile) {
      // Not the end yet.
      await expect(Promise.race([reading, new Promise((resolve) => setImmediate(resolve))])).resolves.toBeUndefined();
      await writer.close();
      expect(String(await reading)).toBe("first last");
    } else {
      await expect(reading).rejects.toMatchObject({ code: "ETIMEDOUT" });
      await writer.close();
    }
  });
});

test("a pipe that was waited for in vain is not waited for again at once", async () => {
  const path = pipe();
  await expect(readNamedFile(path, 200)).rejects.toMatchObject({ code: "ETIMEDOUT" });
  const begun = readNamedFile(path, 60_000);
  await expect(begun).rejects.toMatchObject({ code: "ETIMEDOUT" });
});
