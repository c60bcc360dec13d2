import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import { createServer, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { lockPlace } from "../../src/store/directory-lock.js";
import { builtProgram } from "./built-program.js";
import { config, filesIn, found, storeIn, temporaryFolder } from "./store-fixture.js";

const LONG_NAME = "a-directory-with-a-long-name".repeat(4);

/** What a store says whose directory another one has. */
function inUse(directory: string, pid: number | undefined): unknown {
  return expect.objectContaining({
    code: "ERR_OPAMP_STORE",
    message: `${directory} is in use by ${pid === undefined ? "another agent" : `the agent of process ${pid}`}`,
    hint: expect.stringMatching(/goes on without its store, under a new identity/),
    retryable: false,
  });
}

/** A process that has a store in the directory. */
async function holder(program: string, directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, directory], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

async function socketsIn(directory: string): Promise<readonly string[]> {
  return (await fs.readdir(directory)).filter((name) => name.endsWith(".sock"));
}

/** Has this be another system for the time of a test. */
function onPlatform(platform: NodeJS.Platform): void {
  const spy = vi.spyOn(process, "platform", "get").mockReturnValue(platform);
  onTestFinished(() => spy.mockRestore());
}

/** Has listening fail as the system would. */
function cannotListen(code: string): void {
  const spy = vi.spyOn(Server.prototype, "listen").mockImplementation(function (this: Server) {
    process.nextTick(() => this.emit("error", Object.assign(new Error(`listen ${code}`), { code })));
    return this;
  });
  onTestFinished(() => spy.mockRestore());
}

describe("a directory in use by a store", () => {
  test("is refused to another store in the same process until the first is closed", async () => {
    const directory = await temporaryFolder();
    const [first, second] = [storeIn(directory), storeIn(directory, { lockWaitMs: 0 })];
    await first.load();
    await expect(second.load()).rejects.toEqual(inUse(directory, process.pid));
    await expect(second.store.save({ heartbeatMs: 2 })).rejects.toMatchObject({ code: "ERR_OPAMP_STORE" });
    await first.store.save({ heartbeatMs: 1 });
    await first.store.close();
    expect(await second.load()).toEqual({ heartbeatMs: 1 });
    expect(await socketsIn(directory)).toHaveLength(1);
    await second.store.close();
    expect(await filesIn(directory)).toEqual(["state.json"]);
  });

  test("is refused to another client with the same store, which does not disturb the first", async () => {
    const directory = await temporaryFolder();
    const { store, load } = storeIn(directory, { lockWaitMs: 0 });
    await load();
    await expect(load()).rejects.toMatchObject({ code: "ERR_OPAMP_STORE", retryable: false });
    await store.save({ heartbeatMs: 1 });
    await store.close();
    expect((await found(directory)).state).toEqual({ heartbeatMs: 1 });
  });

  test("is had without any wait where the other one gives way after it was asked", async () => {
    const directory = await temporaryFolder();
    const place = await lockPlace(directory);
    const rival = createServer((socket) => {
      socket.end(`${process.pid}\n`);
      rival.close();
    });
    rival.listen(place.address(place.newName()));
    await once(rival, "listening");
    const { load } = storeIn(directory, { lockWaitMs: 0 });
    expect(await load()).toBeUndefined();
    place.close();
  });

  test("is waited for by a later client with the same store during the first one's last save", async () => {
    const { store, load } = storeIn(await temporaryFolder(), { lockWaitMs: 20_000 });
    await load();
    const loading = load();
    await store.save({ heartbeatMs: 1 });
    await store.close();
    expect(await loading).toEqual({ heartbeatMs: 1 });
  });

  test("is waited for during a restart with an overlap", async () => {
    const directory = await temporaryFolder();
    const [first, second] = [storeIn(directory), storeIn(directory, { lockWaitMs: 20_000 })];
    await first.load();
    await first.store.save({ heartbeatMs: 1 });
    const loading = second.load();
    await vi.waitFor(async () => expect((await socketsIn(directory)).length).toBeGreaterThan(1), { interval: 1 });
    await first.store.close();
    expect(await loading).toEqual({ heartbeatMs: 1 });
  });

  test("goes to one after the other when many want it at the same time", async () => {
    const directory = await temporaryFolder();
    let holders = 0;
    const most: number[] = [];
    const agents = Array.from({ length: 6 }, () => storeIn(directory, { lockWaitMs: 20_000 }));
    await Promise.all(
      agents.map(async ({ store, load }) => {
        const { heartbeatMs = 0 } = (await load()) ?? {};
        holders += 1;
        most.push(holders);
        await store.save({ heartbeatMs: heartbeatMs + 1 });
        holders -= 1;
        await store.close();
      }),
    );
    expect(most).toEqual(Array(6).fill(1));
    expect(await found(directory)).toEqual({ state: { heartbeatMs: 6 }, reports: [] });
    expect(await socketsIn(directory)).toEqual([]);
  });
});

describe("another process", () => {
  test("that has the directory is named, and a SIGKILL frees it at once", async () => {
    const program = await builtProgram("lock-program");
    const directory = await temporaryFolder();
    const child = await holder(program, directory);
    const { load, reports } = storeIn(directory, { lockWaitMs: 0 });
    await expect(load()).rejects.toEqual(inUse(directory, child.pid));
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await socketsIn(directory)).toHaveLength(1);
    expect(await load()).toBeUndefined();
    expect([await socketsIn(directory), reports]).toEqual([[expect.any(String)], []]);
  });

  test("that has nothing else to do exits by itself without unlocking", async () => {
    const program = await builtProgram("lock-program");
    const directory = await temporaryFolder();
    const child = await holder(program, directory);
    child.stdin?.end();
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(await found(directory)).toEqual({ state: undefined, reports: [] });
  });
});

describe("the sockets of the lock", () => {
  test("work where the path is too long for one, and leave nothing open", async () => {
    const directory = join(await temporaryFolder(), LONG_NAME, "caf\u00e9");
    const openAt = async (): Promise<number> => {
      const links = (await fs.readdir("/proc/self/fd")).map((fd) => fs.readlink(`/proc/self/fd/${fd}`).catch(() => ""));
      return (await Promise.all(links)).filter((path) => path.startsWith(directory)).length;
    };
    const [first, second] = [storeIn(directory), storeIn(directory, { lockWaitMs: 0 })];
    await first.load();
    expect(await socketsIn(directory)).toHaveLength(1);
    await expect(second.load()).rejects.toEqual(inUse(directory, process.pid));
    await first.store.close();
    expect([await socketsIn(directory), await openAt()]).toEqual([[], 0]);
    await second.load();
  });

  test("are in the temporary folder where a long path cannot be shortened", async () => {
    onPlatform("darwin");
    const directory = join(await temporaryFolder(), LONG_NAME);
    const link = join(await temporaryFolder(), "link");
    const [first, second] = [storeIn(directory), storeIn(join(link, LONG_NAME), { lockWaitMs: 0 })];
    await first.load();
    await fs.symlink(join(directory, ".."), link);
    expect(await socketsIn(directory)).toEqual([]);
    await expect(second.load()).rejects.toEqual(inUse(join(link, LONG_NAME), process.pid));
    const place = await lockPlace(directory);
    expect(await place.list()).toHaveLength(1);
    expect(place.address(place.newName()).startsWith(join(tmpdir(), "opamp-"))).toBe(true);
    await first.store.close();
    expect(await place.list()).toEqual([]);
  });

  test("are one named pipe on Windows, whose name is the directory's", async () => {
    onPlatform("win32");
    const [directory, other] = [await temporaryFolder(), await temporaryFolder()];
    const [place, same, another] = [
      await lockPlace(directory),
      await lockPlace(`${directory}/.`),
      await lockPlace(other),
    ];
    expect(place.address(place.newName())).toMatch(/^\\\\\.\\pipe\\opamp-client-[0-9a-f]{16}$/);
    expect(same.newName()).toBe(place.newName());
    expect(another.newName()).not.toBe(place.newName());
    expect(await place.list()).toEqual([place.newName()]);
  });

  test.each(["EROFS", "EOPNOTSUPP", "EPERM", "ENOSPC"])(
    "are skipped with a warning where the system answers %s",
    async (code) => {
      const directory = await temporaryFolder();
      cannotListen(code);
      const { store, reports, load } = storeIn(directory);
      await load();
      expect(reports).toMatchObject([
        {
          code: "ERR_OPAMP_STORE",
          message: `${directory} is not guarded against a second agent: listen ${code}`,
          hint: expect.stringContaining("make sure that no other agent uses the directory"),
        },
      ]);
      await store.save({ lastGoodConfig: config(1, "a: 1") });
    },
  );

  test("of others are checked even if ours could not be created", async () => {
    const directory = await temporaryFolder();
    await storeIn(directory).load();
    cannotListen("ENOSPC");
    await expect(storeIn(directory, { lockWaitMs: 0 }).load()).rejects.toEqual(inUse(directory, process.pid));
  });

  test("are created again if another process removed ours before it was listening", async () => {
    const directory = await temporaryFolder();
    const { readdir } = fs;
    const seen: (readonly string[])[] = [];
    const spy = vi.spyOn(fs, "readdir").mockImplementation(async (path, options) => {
      if (seen.length === 0) for (const name of await socketsOf(directory)) await fs.unlink(join(directory, name));
      const names = await readdir(path, options);
      seen.push([...names].map(String));
      return names;
    });
    const socketsOf = async (path: string): Promise<readonly string[]> =>
      (await readdir(path)).filter((name) => name.endsWith(".sock"));
    onTestFinished(() => spy.mockRestore());
    await storeIn(directory).load();
    expect(seen[0]).toEqual([]);
    expect(await socketsOf(directory)).toHaveLength(1);
  });

  test("can be connected to by every user, so that a dead one is detected", async () => {
    const directory = await temporaryFolder();
    await storeIn(directory).load();
    const [name = ""] = await socketsIn(directory);
    expect((await fs.stat(join(directory, name))).mode & 0o222).toBe(0o222);
  });

  test("are closed after a failed attempt, so that they do not block the next", async () => {
    const directory = await temporaryFolder();
    const spy = vi
      .spyOn(fs, "readdir")
      .mockRejectedValueOnce(Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" }));
    onTestFinished(() => spy.mockRestore());
    const { store, load } = storeIn(directory, { lockWaitMs: 0 });
    await expect(load()).rejects.toMatchObject({ code: "ERR_OPAMP_STORE", retryable: true });
    expect(await socketsIn(directory)).toEqual([]);
    await store.save({ heartbeatMs: 1 });
    expect(await socketsIn(directory)).toHaveLength(1);
  });

  test("that send data for ever are ignored after a short time", async () => {
    const directory = await temporaryFolder();
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.write("x".repeat(100_000));
    });
    await once(server.listen(join(directory, "lock-00.sock")), "listening");
    onTestFinished(() => void server.close());
    await expect(storeIn(directory, { lockWaitMs: 0 }).load()).rejects.toEqual(inUse(directory, undefined));
  });
});
