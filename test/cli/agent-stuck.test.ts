import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { builtCommand, type Work } from "./agent-work.js";

const built = builtCommand();

/** A module that has the system wait without end when a directory is made, as for a file server that is gone. */
function stuckAt(work: Work, path: string): string {
  execFileSync("mkfifo", [work.path("fifo")]);
  return work.write(
    "stuck.mjs",
    `import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { mkdir, stat, open } = fs.promises;
    const waits = (call) => (path, ...more) =>
      path === ${JSON.stringify(path)} ? open(${JSON.stringify(work.path("fifo"))}) : call(path, ...more);
    Object.assign(fs.promises, { mkdir: waits(mkdir), stat: waits(stat) });
    syncBuiltinESMExports();`,
  );
}

test.each([
  ["state", "storage.directory"],
  ["config", "remote_config.directory"],
])("a directory that does not answer is named, and SIGTERM ends the agent: %s", async (name) => {
  const { work } = await built.begin();
  work.configure({ remote_config: {} });
  const agent = work.start({ preload: stuckAt(work, work.path(name)), args: ["--log-level", "debug"] });
  const place = work.path(name);
  await agent.line(new RegExp(`DEBUG Opening the directory ${place}$`));
  await agent.line(new RegExp(`INFO {2}Still waiting for the directory ${place}$`));
  expect(await agent.end("SIGTERM")).toBe("SIGTERM");
  expect(agent.log).toMatch(/Shutting down: there is no connection to the server\n/);
  expect(agent.log).toMatch(new RegExp(`ERROR ${place} does not answer: exiting at once$`));
});

test.each([
  [
    "/proc/nope",
    /\/proc\/nope cannot be used: \/proc\/nope cannot be created: no directory can be created in \/proc \(/,
  ],
  [
    "/proc/nope/a/b",
    /\/proc\/nope\/a\/b cannot be used: \/proc\/nope cannot be created: no directory can be created in \/proc \(/,
  ],
  ["dangling", /\/dangling cannot be used: \S+\/dangling is a link that leads nowhere \(/],
])("a config directory that cannot be made is said at once: %s", async (path, message) => {
  const { work } = await built.begin();
  symlinkSync("nowhere", work.path("dangling"));
  work.configure({ remote_config: { directory: path.startsWith("/") ? path : work.path(path) } });
  const agent = work.start();
  expect(await agent.ended).toBe(1);
  expect(agent.log).toMatch(message);
});

test("a state directory that cannot be made is a warning, and the agent goes on", async () => {
  const { server, work } = await built.begin();
  work.configure({ storage: { directory: "/proc/nope" } });
  const agent = work.start();
  await server.firstAgent();
  expect(await agent.line(/cannot be/)).toMatch(/WARN {2}.*no directory can be created in \/proc/);
  expect(await agent.end()).toBe(0);
  expect(agent.log).toMatch(/Shutting down: disconnecting from the server/);
});

test.each([
  [
    "a token",
    (pipe: string) => ({ server: { auth: "bearertokenauth" }, extensions: { bearertokenauth: { filename: pipe } } }),
  ],
  ["an authority", (pipe: string) => ({ server: { tls: { ca_file: pipe } }, extensions: {} })],
])("SIGTERM ends an agent at once that waits for a pipe in place of %s", async (_what, keys) => {
  const { work } = await built.begin();
  const pipe = work.path("pipe");
  execFileSync("mkfifo", [pipe]);
  const { server, extensions } = keys(pipe);
  work.configure({
    server: undefined,
    extensions: { opamp: { server: { ws: { endpoint: "wss://127.0.0.1:1/", ...server } } }, ...extensions },
  });
  const agent = work.start();
  await agent.line(/INFO {2}Agent /);
  expect(await agent.end()).toBe(0);
});
