import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { fileSecret } from "../../src/auth/file-secret.js";
import { bearerAuth } from "../../src/auth/static-credentials.js";
import { resolveHeaders } from "../../src/transport/settings/headers.js";
import { fileForTest } from "../cli/files.js";
import { verifies } from "../conformance/verifies.js";

verifies("AUTH-01", "a token in a file is read again at each attempt, without the line ends after it", async () => {
  const path = fileForTest("one\r\n\n");
  const source = bearerAuth(fileSecret(path));
  expect(await resolveHeaders(source, undefined)).toEqual({ authorization: "Bearer one" });
  writeFileSync(path, "two");
  expect(await resolveHeaders(source, undefined)).toEqual({ authorization: "Bearer two" });
});

test("a missing or empty file fails that attempt alone and is named in the error", async () => {
  const path = fileForTest("\n");
  const secret = fileSecret(path);
  await expect(secret()).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH", message: `the file ${path} is empty` });
  rmSync(path);
  const failure = {
    code: "ERR_OPAMP_AUTH",
    message: expect.stringContaining(`the file ${path} cannot be read: ENOENT`),
  };
  await expect(secret()).rejects.toMatchObject(failure);
  await expect(resolveHeaders(bearerAuth(secret), undefined)).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH" });
  writeFileSync(path, "back");
  expect(await secret()).toBe("back");
});

test("a byte order mark is not a part of the secret", async () => {
  expect(await fileSecret(fileForTest("\uFEFFone\r\n"))()).toBe("one");
});

test("concurrent calls share one read of a file", async () => {
  const path = fileForTest("");
  rmSync(path);
  execFileSync("mkfifo", [path]);
  const secret = fileSecret(path);
  const asked = [secret(), secret(), secret()];
  // Of several readers of a pipe, only one would get this.
  await writeFile(path, "one\n");
  expect(await Promise.all(asked)).toEqual(["one", "one", "one"]);
});

test("an empty path is refused at once", () => {
  expect(() => fileSecret("")).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION" }));
});
