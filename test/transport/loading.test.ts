import { beforeEach, describe, expect, test, vi } from "vitest";
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
