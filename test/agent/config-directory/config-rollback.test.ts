import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { MOST_CRASHES } from "../../../src/base/trial.js";
import { everything, folderForTest, litter, offer, script, visible } from "./folder.js";
import { openDirectory } from "./open-directory.js";
import { effective, type Prepared, prepared, reopened } from "./prepared.js";

const own = { "a.yaml": "own a", "b.yaml": "own b" };
const first = { "a.yaml": "1", "conf.d/x": "1" };
const second = { "a.yaml": "2", "b.yaml": "2", c: "2" };
const VIEW = { ...own, ...first };

/** Makes the user's files, and a script `<work>/<name>` for each command. */
async function inUse(scripts: Record<string, string>, options: Record<string, unknown> = {}): Promise<Prepared> {
  const commands: Record<string, string> = {};
  const place = await prepared({}, (directory) => {
    mkdirSync(directory);
    for (const [name, text] of Object.entries(own)) writeFileSync(join(directory, name), text);
  });
  expect(await place.apply("first", first)).toBe("applied");
  for (const [name, text] of Object.entries(scripts)) commands[name] = script(place.work, name, text);
  return await reopened(place.work, { ...commands, ...options });
}

/** The lines of a file that a script wrote. */
function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
}

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

describe("validation", () => {
  test("sees the whole candidate while the old config is in use, and the command sees it in use", async () => {
    const { work, directory } = await inUse({});
    const validate = script(work, "check", 'cat "$1/a.yaml" "$OPAMP_CONFIG_DIR/b.yaml" "$1/c" "$2/a.yaml" > "$0.saw"');
    const command = script(work, "take", 'cat "$1/a.yaml" "$OPAMP_CONFIG_DIR/c" > "$0.saw"');
    const { apply } = await reopened(work, {
      validate: [validate, "{directory}", directory],
      command: [command, "{directory}"],
    });
    expect(await apply("second", second)).toBe("applied");
    expect(readFileSync(`${validate}.saw`, "utf8")).toBe("2221");
    expect(readFileSync(`${command}.saw`, "utf8")).toBe("22");
    expect(visible(directory)).toEqual({ ...own, ...second });
  });

  test("that fails leaves nothing behind, and its output is the reason", async () => {
    const { work, apply, configs } = await inUse({ validate: "echo line 3: what is this; exit 9" });
    const before = everything(work);
    expect(await apply("second", second)).toMatch(/ended with exit code 9\nline 3: what is this$/);
    expect(everything(work)).toEqual(before);
    expect(configs.current?.files).toEqual(Object.keys(first));
  });

  test("that fails leaves the user's own files as files", async () => {
    const { work, directory, apply } = await prepared({ validate: "false" }, (path) => {
      mkdirSync(path);
      writeFileSync(join(path, "a.yaml"), "own");
    });
    const before = everything(work);
    expect(await apply("second", second)).toContain("exit code 1");
    expect(everything(work)).toEqual(before);
    expect(visible(directory)).toEqual({ "a.yaml": "own" });
  });

  test("quotes the name of a directory in a command text", async () => {
    const work = join((await prepared()).work, 'it\'s a "place"');
    mkdirSync(work);
    const { apply } = await reopened(work, { validate: "test -e {directory}/c" });
    expect(await apply("second", second)).toBe("applied");
    expect(await apply("first", first)).toContain("exit code 1");
  });
});

describe("a command that fails", () => {
  test("restores the whole old config and is run again for it", async () => {
    const command = `echo "$OPAMP_CONFIG_HASH $(cat "$OPAMP_CONFIG_DIR/a.yaml")" >> "$0.log"
      if [ -e "$OPAMP_CONFIG_DIR/c" ]; then echo no c please >&2; exit 4; fi`;
    const { work, directory, configs, apply, lines } = await inUse({ command });
    expect(await apply("second", second)).toMatch(/ended with exit code 4\nno c please$/);
    expect(visible(directory)).toEqual(VIEW);
    expect(litter(directory)).toEqual([]);
    expect(linesOf(join(work, "command.log"))).toEqual([`${hex("second")} 2`, `${hex("first")} 1`]);
    expect(configs.current?.hash).toEqual(new Uint8Array(Buffer.from("first")));
    expect(await effective(configs)).toEqual({
      "a.yaml": ["1", ""],
      "conf.d/x": ["1", ""],
      "b.yaml": ["own b", "text/yaml"],
    });
    expect(lines.all.filter((line) => /running the command for the old files$/.test(line))).toHaveLength(1);
    expect(lines.all.filter((line) => / rolled back; \S+ is in use$/.test(line))).toHaveLength(1);
    expect(await apply("third", { d: "3" })).toBe("applied");
    expect(visible(directory)).toEqual({ ...own, d: "3" });
  });

  test("is reported if it fails for the old config too, and the files are restored anyway", async () => {
    const { directory, apply } = await inUse({ command: "echo broken; exit 5" });
    expect(await apply("second", second)).toMatch(
      /exit code 5\nbroken\nthe files are as before, but the program could not be told, for the same reason$/,
    );
    expect(visible(directory)).toEqual(VIEW);
    expect(litter(directory)).toEqual([]);
  });

  test("is reported with a reason of its own if it fails otherwise for the old config", async () => {
    const { apply } = await inUse({ command: `echo "$OPAMP_CONFIG_HASH"; exit 5` });
    const text = await apply("second", second);
    expect(text).toMatch(
      new RegExp(`exit code 5\\n${hex("second")}\nthe files .* told: .*exit code 5\\n${hex("first")}$`),
    );
  });

  test("restores the user's own files at the first offer", async () => {
    const { directory, configs, apply } = await prepared({ command: 'test "$OPAMP_CONFIG_HASH" = ""' }, (path) => {
      mkdirSync(path);
      for (const [name, text] of Object.entries(own)) writeFileSync(join(path, name), text);
    });
    expect(await apply("first", first)).toMatch(/exit code 1$/);
    expect(visible(directory)).toEqual(own);
    expect(configs.current).toBeUndefined();
    expect(await apply("none", {})).toContain("exit code 1");
    expect(visible(directory)).toEqual(own);
  });

  test("restores what a program had made of the old config", async () => {
    const { directory, apply } = await inUse({ command: '! [ -e "$OPAMP_CONFIG_DIR/c" ]' });
    rmSync(join(directory, "a.yaml"));
    writeFileSync(join(directory, "a.yaml"), "1, rewritten");
    expect(await apply("second", second)).toContain("exit code 1");
    expect(visible(directory)).toEqual({ ...VIEW, "a.yaml": "1, rewritten" });
  });

  test("is killed on timeout, even if it ignores SIGTERM, and the old config is restored", async () => {
    const command = `test -e "$OPAMP_CONFIG_DIR/c" || exit 0; trap "" TERM; echo waiting; while :; do sleep 0.1; done`;
    const { directory, apply } = await inUse({ command }, { timeoutMs: 300 });
    expect(await apply("second", second)).toMatch(/did not end within 300 ms\nwaiting$/);
    expect(visible(directory)).toEqual(VIEW);
  });
});

describe("an abort", () => {
  for (const when of ["files written", "valid", "in use on trial"]) {
    test(`rolls the offer back when the log says "${when}"`, async () => {
      const controller = new AbortController();
      const seen: string[] = [];
      const take = (line: string) => {
        seen.push(line);
        if (line.includes(when)) controller.abort(new Error("a newer offer came"));
      };
      const log = { debug: take, info: take, warn: take, error: take };
      const command = 'echo "$OPAMP_CONFIG_HASH" >> "$0.log"';
      const { work, directory, apply } = await inUse({ validate: "true", command }, { log });
      const before = everything(directory);
      expect(await apply("second", second, controller.signal)).toContain("a newer offer came");
      expect(seen.some((line) => line.includes(when))).toBe(true);
      expect(visible(directory)).toEqual(VIEW);
      expect(litter(directory)).toEqual([]);
      if (when !== "in use on trial") expect(everything(directory)).toEqual(before);
      expect(linesOf(join(work, "command.log"))).toEqual(when === "in use on trial" ? [hex("first")] : []);
      expect(await apply("second", second)).toBe("applied");
      expect(visible(directory)).toEqual({ ...own, ...second });
    });
  }

  for (const phase of ["validate", "command"]) {
    test(`while ${phase} runs ends it and rolls the offer back`, async () => {
      const text = `if [ "$OPAMP_CONFIG_HASH" = ${hex("second")} ]; then echo running; exec sleep 100; fi`;
      const { directory, lines, apply } = await inUse({ [phase]: text });
      const controller = new AbortController();
      const applied = apply("second", second, controller.signal);
      while (!(await lines.next()).endsWith(": running"));
      controller.abort(new Error("the client stops"));
      expect(await applied).toMatch(/was ended: the client stops\nrunning$/);
      expect(visible(directory)).toEqual(VIEW);
      expect(litter(directory)).toEqual([]);
    });
  }

  test("makes later offers wait for the rollback, and then applies the newest", async () => {
    const command = `echo "$OPAMP_CONFIG_HASH" >> "$0.log"
      if [ "$OPAMP_CONFIG_HASH" = ${hex("second")} ]; then echo running; exec sleep 100; fi`;
    const { work, directory, configs, lines, apply } = await inUse({ command });
    const controller = new AbortController();
    const applied = apply("second", second, controller.signal);
    while (!(await lines.next()).endsWith(": running"));
    expect((await effective(configs))["a.yaml"]).toEqual(["1", ""]);
    const given = apply("given up", { z: "1" }, AbortSignal.abort(new Error("too late")));
    const third = apply("third", { d: "3" });
    controller.abort(new Error("a newer offer came"));
    expect(await applied).toContain("a newer offer came");
    expect(await given).toBe("the configuration was given up: too late");
    expect(await third).toBe("applied");
    await configs.close();
    expect(visible(directory)).toEqual({ ...own, d: "3" });
    expect(linesOf(join(work, "command.log"))).toEqual([hex("second"), hex("first"), hex("third")]);
  });
});

describe("a reload signal", () => {
  test("reaches the program after the switch, and rolls the offer back if there is no program", async () => {
    const { work, directory, apply } = await inUse({}, { reload: { signal: "SIGHUP", pidFile: "/no/such/file" } });
    expect(await apply("second", second)).toMatch(
      /^pid file \/no\/such\/file cannot be read: .*\nthe files are as before, but the program could not be told, for the same reason$/,
    );
    expect(visible(directory)).toEqual(VIEW);
    const loop = `trap 'cat "$1/c"; exit 0' HUP; echo ready; while :; do sleep 0.05; done`;
    const child = spawn("/bin/sh", ["-c", loop, "sh", directory], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await once(child.stdout, "data");
    const ended = once(child, "close");
    writeFileSync(join(work, "pid"), `${child.pid}\n`);
    const other = await reopened(work, { reload: { signal: "SIGHUP", pidFile: join(work, "pid") } });
    expect(await other.apply("second", second)).toBe("applied");
    await ended;
    expect(said).toBe("ready\n2");
  });
});

test("the handler refuses an offer before `prepare` and says why", async () => {
  const configs = openDirectory({ directory: "/tmp/never" });
  const context = { signal: new AbortController().signal, previous: undefined };
  await expect(configs.handler.apply(offer("x", {}), context)).rejects.toMatchObject({
    code: "ERR_OPAMP_HANDLER",
    message: "the config directory is not prepared",
  });
});

test("an offer that cannot be rolled back at once does not count as one that crashed the agent", async () => {
  const work = folderForTest();
  const temporary = join(work, "config/.opamp/opamp-config/tmp");
  const command = `if grep -q bad {directory}/a; then rm -r "${temporary}"; exit 1; fi`;
  const { apply, directory } = await reopened(work, { command });
  expect(await apply("good", { a: "good" })).toBe("applied");
  for (let time = 1; time <= MOST_CRASHES + 1; time += 1) {
    const failure = await apply("bad", { a: "bad" });
    expect(failure).toContain("ended with exit code 1");
    expect(failure).toContain("what was there before is not back yet");
  }
  expect(await apply("better", { a: "better" })).toBe("applied");
  expect(visible(directory)).toEqual({ a: "better" });
});
