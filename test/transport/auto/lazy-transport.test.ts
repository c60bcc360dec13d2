import { expect, test } from "vitest";
import { LazyTransport, type TransportKind } from "../../../src/transport/lazy-transport.js";
import type { TransportSettings } from "../../../src/transport/settings/settings.js";
import { CLOSE_NOW, type Sink, type Transport } from "../../../src/transport/transport.js";
import { Recorder } from "../recorder.js";

/** A kind whose loading is in the test's hands, and what was asked of the transport. */
function kind() {
  const asked: string[] = [];
  let settle: { load(): void; fail(error: Error): void } = { load() {}, fail() {} };
  let loads = 0;
  const transport: Transport = {
    name: "real",
    duplex: false,
    open: (sink: Sink) => {
      asked.push("open");
      sink.opened();
    },
    send: () => void asked.push("send"),
    ping: () => void asked.push("ping"),
    close: () => void asked.push("close"),
  };
  const made: TransportKind = {
    name: "promised",
    duplex: true,
    load: () =>
      new Promise((resolve, reject) => {
        loads += 1;
        settle = { load: () => resolve(transport), fail: reject };
      }),
  };
  const lazy = new LazyTransport(made, {} as TransportSettings);
  return { lazy, asked, loading: () => settle, loads: () => loads };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("is loaded when first opened, and then is what was loaded", async () => {
  const { lazy, asked, loading, loads } = kind();
  expect([lazy.name, lazy.duplex, loads()]).toEqual(["promised", true, 0]);
  const ear = new Recorder();
  lazy.open(ear.sink);
  loading().load();
  await ear.next("opened");
  expect([lazy.name, lazy.duplex]).toEqual(["real", false]);
  lazy.send(new Uint8Array());
  lazy.ping();
  lazy.close(1000, "done");
  lazy.open(ear.sink);
  expect(asked).toEqual(["open", "send", "ping", "close", "open"]);
  expect(loads()).toBe(1);
});

test("closed while it loads tells so once, and opens nothing", async () => {
  const { lazy, asked, loading } = kind();
  const ear = new Recorder();
  lazy.open(ear.sink);
  lazy.close(CLOSE_NOW, "enough");
  expect(await ear.lost()).toMatchObject({ orderly: false, error: { code: "ERR_OPAMP_CLOSED" } });
  loading().load();
  await turn();
  expect([asked, ear.heard]).toEqual([[], ["lost"]]);
});

test("that cannot be loaded is a lost link, and is tried again with the next dial", async () => {
  const { lazy, loading, loads } = kind();
  const ear = new Recorder();
  lazy.open(ear.sink);
  const cause = new Error("no such module");
  loading().fail(cause);
  expect(await ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_CONNECT", cause } });
  lazy.open(ear.sink);
  loading().load();
  await ear.next("opened");
  expect(loads()).toBe(2);
});
