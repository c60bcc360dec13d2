import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type MeterLike, OpAMPClient } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { runSnippet, snippetNamed } from "./snippets.js";

const page = readFileSync(new URL("../../docs/diagnostics.md", import.meta.url), "utf8");

test("the snippet on channels sees what was sent", async () => {
  const { sent } = await runSnippet(snippetNamed("diagnostics-channel"));
  expect(sent).toMatchObject([{ sequenceNum: 1 }, { sequenceNum: 2 }]);
});

test("the page lists every instrument, and no other", async () => {
  const made: string[] = [];
  const instrument = (name: string) => {
    made.push(name);
    return { add: () => undefined, record: () => undefined };
  };
  const meter: MeterLike = { createCounter: instrument, createUpDownCounter: instrument, createHistogram: instrument };
  const server = await OpAMPServer.start();
  const client = new OpAMPClient({ url: server.url, meter, description: { identifying: { "service.name": "a" } } });
  client.start();
  await client.connected();
  await client.stop();
  await server.close();
  const listed = [...page.matchAll(/^\| (`opamp\.client\..*?) \|/gm)].flatMap(([, cell = ""]) => {
    const names = [...cell.matchAll(/`(\.?[a-z.]+)`/g)].map(([, name = ""]) => name);
    const stem = names[0]?.replace(/\.[a-z]+$/, "") ?? "";
    return names.map((name) => (name.startsWith(".") ? `${stem}${name}` : name));
  });
  expect(listed.sort()).toEqual(made.sort());
});
