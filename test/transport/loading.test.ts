import { beforeEach, describe, expect, test, vi } from "vitest";
import { notLoaded } from "../../src/base/load.js";
import { OpAMPClient } from "../../src/index.js";
import { CLOSE_NOW } from "../../src/transport/transport.js";
import { startHttp, startWebSocket } from "./raw-servers.js";
import { connect, Recorder, transportTo } from "./recorder.js";

/** Which libraries were loaded, and whether they can be. */
const state = vi.hoisted(() => ({ loads: [] as string[], broken: false }));

async function load(name: string, original: () => Promise<unknown>): Promise<object> {
  state.loads.push(name);
  if (state.broken) throw new Error(`no such package: ${name}`);
  return { ...((await original()) as object) };
}

beforeEach(() => {
  vi.resetModules();
  vi.doMock("undici/lib/dispatcher/client.js", (original) => load("undici", original));
  vi.doMock("ws", (original) => load("ws", original));
  Object.assign(state, { loads: [], broken: false });
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

const startBoth = () => startWebSocket({ onRequest: (_request, response) => response.end() });

describe.each([
  ["ws", "ws"],
  ["http", "undici"],
])("over %s", (scheme, library) => {
  test("a library that cannot be loaded is reported as an incomplete package", async () => {
    const server = await startBoth();
    const transport = transportTo(`${scheme}://${server.host}/`);
    const ear = new Recorder();
    state.broken = true;
    transport.open(ear.sink);
    expect(await ear.lost()).toMatchObject({
      fate: "unsent",
      error: {
        code: "ERR_OPAMP_INCOMPLETE",
        retryable: false,
        message: expect.stringMatching(`^the package is incomplete: ${library} cannot be loaded: [^\n]+$`),
        hint: expect.stringContaining("docs/bundling.md"),
      },
    });
  });

  test("only the library of the transport is loaded, when it is first opened", async () => {
    const server = await startBoth();
    const url = `${scheme}://${server.host}/`;
    const transport = transportTo(url);
    await turn();
    expect(state.loads).toEqual([]);
    await connect(url);
    expect(state.loads).toEqual([library]);
    expect(transport.name).toBe(scheme === "ws" ? "websocket" : "http");
  });

  test("a close during loading is reported once and dials nothing", async () => {
    const server = await startHttp(() => undefined);
    const transport = transportTo(`${scheme}://${server.host}/`);
    const ear = new Recorder();
    transport.open(ear.sink);
    transport.close(CLOSE_NOW, "enough");
    expect(await ear.lost()).toMatchObject({ orderly: false, error: { code: "ERR_OPAMP_CLOSED" } });
    await vi.dynamicImportSettled();
    await turn();
    expect([ear.heard, server.sockets]).toEqual([["lost"], []]);
  });
});

test("a client whose transport cannot load its library stops, and says why", async () => {
  const error = notLoaded("ws", new Error("no such package"));
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const client = new OpAMPClient({
    transport: {
      duplex: true,
      name: "incomplete",
      open: (sink) => sink.lost({ error, fate: "unsent", orderly: true, throttled: false }),
      send: () => undefined,
      ping: () => undefined,
      close: () => undefined,
    },
    description: { identifying: { "service.name": "bundled" } },
    logger: { debug: () => undefined, info: log, warn: log, error: log },
  });
  const codes: string[] = [];
  client.on("error", ({ code }) => codes.push(code));
  client.start();
  await expect(client.connected()).rejects.toMatchObject({
    code: "ERR_OPAMP_STOPPED",
    message: expect.stringContaining("cannot be loaded"),
    hint: expect.stringContaining("docs/bundling.md"),
  });
  expect([client.phase, codes]).toEqual(["stopped", ["ERR_OPAMP_INCOMPLETE"]]);
  expect(lines.filter((line) => line.includes("docs/bundling.md"))).toHaveLength(1);
  expect(lines.at(-1)).toBe("Client stopped.");
  await client.stop();
});

test("a client whose credentials need a library that cannot be loaded stops as well", async () => {
  const server = await startBoth();
  const incomplete = notLoaded("undici", new Error("no such package"));
  const client = new OpAMPClient({
    url: `http://${server.host}/`,
    headers: () => Promise.reject(incomplete),
    description: { identifying: { "service.name": "bundled" } },
  });
  client.start();
  await expect(client.connected()).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED", cause: incomplete });
});
