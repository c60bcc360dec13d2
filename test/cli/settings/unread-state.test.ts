import fs from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { fileStore } from "../../../src/index.js";
import { everything, folderForTest } from "../../agent/config-directory/folder.js";
import { startServer } from "../../server/server-fixture.js";
import { opamp } from "../terminal.js";

test("an agent whose state is not readable for it exits with 1, as its dry run does, and changes nothing", async () => {
  const server = await startServer();
  const folder = folderForTest();
  const [state, path] = [join(folder, "state"), join(folder, "opamp.yaml")];
  await fs.writeFile(
    path,
    `server: { ws: { endpoint: "${server.url}" } }
connection_settings: { accept: true }
storage: { directory: ${state} }
`,
  );
  const store = fileStore(state);
  await store.load();
  await store.save({ instanceUid: new Uint8Array(16).fill(1) });
  await store.close();
  const before = everything(state);
  const { readFile } = fs;
  const spy = vi.spyOn(fs, "readFile").mockImplementation((file, options) => {
    if (String(file) !== join(state, "state.json")) return readFile(file, options);
    return Promise.reject(Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }));
  });
  onTestFinished(() => spy.mockRestore());
  const says =
    /ERROR .*state\.json cannot be read: EACCES.*it was left as it is \(make it readable for the user that the agent runs as/;
  const runs = [await opamp("agent", "-c", path, "--dry-run"), await opamp("agent", "-c", path)];
  expect(runs.map(({ code }) => code)).toEqual([1, 1]);
  for (const { err } of runs) expect(err).toMatch(says);
  expect(runs[0]?.out).toBe("");
  expect(everything(state)).toEqual(before);
  expect(server.connections.total).toBe(0);
  const { out } = await opamp("doctor", "-c", path);
  expect(out).toMatch(/run this as the user that the agent runs as; that one has to be able to read it/);
});
