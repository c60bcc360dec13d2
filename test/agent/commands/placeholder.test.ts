import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Command, runCommand } from "../../../src/agent/commands/run-command.js";
import { messageOf } from "../../../src/errors.js";
import { folderForTest } from "../config-directory/folder.js";

/** Names by which a shell that reads them would run something, or lose its place. */
const NAMES = ["conf", "my conf", "{directory}", "a'b\"c\\d\ne $HOME * $(touch pwned) `touch pwned` ;touch pwned; #f"];

/** Each prints the path of `x` in the directory into the file `out`. */
const COMMANDS: readonly Command[] = [
  "printf %s {directory}/x > out",
  'printf %s "{directory}/x" > out',
  "printf %s '{directory}/x' > out",
  `printf %s "{directory}"/x > out`,
  `printf %s '{directory}'"/"x > out`,
  `printf %s {directory}'/x' > out`,
  'v={directory}/x; printf %s "$v" > out',
  'v="{directory}/x" && printf %s "$v" > out',
  "v='{directory}/x'; printf %s \"$v\" > out",
  'set -- --file={directory}/x; printf %s "$(expr "x$1" : "x--file=\\(.*\\)")" > out',
  `set -- --file='{directory}/x'; printf %s "\${1#--file=}" > out`,
  'printf %s "$(printf %s {directory}/x)" > out',
  'printf %s "$(printf %s "{directory}/x")" > out',
  "printf %s \"$(printf %s '{directory}/x')\" > out",
  'printf %s "$( (printf %s {directory}/x) )" > out',
  'printf %s "`printf %s {directory}/x`" > out',
  "# don't stop here\nprintf %s {directory}/x > out",
  "printf %s {directory}/x > out # it's done",
  "echo \\'; printf %s {directory}/x > out; echo \\\"",
  "echo 'a # b'; echo a#b; printf %s '{directory}/x' > out",
  "sh -c 'printf %s {directory}/x > out'",
  `env -i PATH="$PATH" /bin/sh -ec 'printf %s "{directory}/x" > out'`,
  'sh -c "printf %s {directory}/x > out"',
  `sh -c "printf %s '{directory}/x' > out"`,
  'bash -e -c "printf %s \\"{directory}/x\\" > out"',
  `sh -c 'sh -c "printf %s {directory}/x > out"'`,
  `sh -c "sh -c 'printf %s {directory}/x > out'"`,
  ["/bin/sh", "-c", "printf %s {directory}/x > out"],
  ["/bin/sh", "-ec", 'printf %s "{directory}/x" > out'],
  ["/bin/sh", "-c", "printf %s '{directory}/x' > out"],
  ["/bin/sh", "-c", 'printf %s "$1" > out', "sh", "{directory}/x"],
  ["/bin/sh", "-c", `printf %s "\${1#--file=}" > out`, "sh", "--file={directory}/x"],
];

describe.each(NAMES)("in a directory called %j", (name) => {
  test.each(COMMANDS.map((command) => ({ command })))("$command is given the path as it is", async ({ command }) => {
    const work = folderForTest();
    const directory = join(work, name);
    mkdirSync(directory);
    const there = typeof command === "string" ? `cd "${work}"\n${command}` : inFolder(command, work);
    await runCommand(there, { timeoutMs: 10_000, directory });
    expect(readFileSync(join(work, "out"), "utf8")).toBe(`${directory}/x`);
    expect([existsSync("pwned"), existsSync(join(work, "pwned"))]).toEqual([false, false]);
  });
});

function inFolder(command: readonly string[], work: string): string[] {
  return command.map((part) => part.replace(" > out", ` > "${work}/out"`));
}

test("an error names the command with the directory in it", async () => {
  const work = folderForTest();
  writeFileSync(join(work, "a"), "");
  const failed = runCommand('test -d "{directory}/a"', { timeoutMs: 10_000, directory: work });
  expect(await failed.catch(messageOf)).toBe(`\`test -d "${work}/a"\` ended with exit code 1`);
});
