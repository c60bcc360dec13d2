import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** A host that has an HTTP request made in one of the ways that need undici, and looks at its own `fetch` afterwards. */
const program = (load: string, before: string) => `
import { createServer } from "node:http";
const keys = [1, 2].map((version) => Symbol.for("undici.globalDispatcher." + version));
const held = () => keys.map((key) => globalThis[key]);
const source = (path) => import(new URL(path, ${JSON.stringify(pathToFileURL(`${ROOT}/src/`).href)}));
${before}
const was = held();
let accept = "";
const server = createServer((request, response) => {
  accept = request.headers["user-agent"] ?? "";
  request.resume().on("end", () => response.end("ok"));
}).on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\\r\\n\\r\\n"));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = "http://127.0.0.1:" + server.address().port + "/";
const dialling = { tls: undefined, proxy: false, keepAlive: false };
${load}
const is = held();
const same = was.every((value, index) => value === is[index]);
const answer = await fetch(url, { method: "POST", headers: { "content-length": "2" }, body: "{}" }).then(
  (response) => response.text(),
  (error) => String(error.cause ?? error),
);
console.log(JSON.stringify({ same, answer, agent: accept }));
process.exit(0);
`;

const LOADS = {
  "the HTTP transport": `
    const { routeTo } = await source("transport/http/http-route.ts");
    await (await routeTo(new URL(url), dialling)).post(new URL(url), {}, new Uint8Array(1));`,
  "a tunnel through an HTTP proxy": `
    const { dial } = await source("transport/dial.ts");
    await dial(new URL("ws://opamp.invalid"), { ...dialling, proxy: { url } }).socket.catch(() => undefined);`,
};

function run(load: string, before = ""): SpawnSyncReturns<string> {
  const args = ["--import", "tsx", "--input-type=module", "--eval", program(load, before)];
  return spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", timeout: 20_000 });
}

describe.each(Object.entries(LOADS))("%s", (_name, load) => {
  test("leaves the host's own fetch as it was", () => {
    const { stdout, stderr } = run(load);
    expect([stderr, JSON.parse(stdout)]).toEqual(["", { same: true, answer: "ok", agent: "node" }]);
  });

  test("leaves the dispatcher that the host has set", () => {
    const host = `
      const { Agent, setGlobalDispatcher } = await import("undici");
      setGlobalDispatcher(new Agent());`;
    expect(JSON.parse(run(load, host).stdout)).toMatchObject({ same: true });
  });
});
