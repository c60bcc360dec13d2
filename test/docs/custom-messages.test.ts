import { expect, onTestFinished, test } from "vitest";
import { OpAMPClient } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { runSnippet, snippetNamed } from "./snippets.js";

const CAPABILITY = "com.example.ping/v1";

async function connect(customCapabilities: readonly string[]) {
  const server = await OpAMPServer.start({ customCapabilities });
  onTestFinished(() => server.close());
  const client = new OpAMPClient({ url: server.url, description: { identifying: { "service.name": "a" } } });
  onTestFinished(() => client.stop());
  return { server, client, channel: client.customCapability(CAPABILITY) };
}

test("the page's agent answers a ping", async () => {
  const shown: string[] = [];
  const { agent } = await runSnippet(snippetNamed("custom-ping"), {
    given: { console: { log: (...words: string[]) => shown.push(words.join(" ")) } },
  });
  expect(shown).toEqual(["pong: are you there?"]);
  expect(agent).toMatchObject({ disconnected: true });
});

test("the page's messages arrive in order, and the server's capabilities are shown", async () => {
  const { server, client, channel } = await connect([CAPABILITY]);
  const shown: string[] = [];
  await runSnippet(snippetNamed("custom-announced"), {
    given: { client, console: { log: (...words: string[]) => shown.push(words.join(" ")) } },
  });
  client.start();
  const { failure } = await runSnippet(snippetNamed("custom-send"), { given: { channel } });
  expect(failure).toBe(undefined);
  const agent = await server.firstAgent();
  const types = agent.received.flatMap(({ customMessage }) => customMessage?.type ?? []);
  expect(types).toEqual(["note", "bytes", "measurement"]);
  expect(shown).toEqual([`the server understands ${CAPABILITY}`]);
});

test("the page's command is answered, also where it fails", async () => {
  const { server, client, channel } = await connect([]);
  const flush = (queue: string) => (queue === "full" ? Promise.resolve() : Promise.reject(new Error("no such queue")));
  await runSnippet(snippetNamed("custom-failure"), { given: { channel, flush } });
  client.start();
  const agent = await server.firstAgent();
  agent.sendCustom(CAPABILITY, "flush", '{ "id": 1, "queue": "full" }');
  expect((await agent.receiveCustom(CAPABILITY, "done")).text()).toBe('{"id":1}');
  agent.sendCustom(CAPABILITY, "flush", '{ "id": 2, "queue": "other" }');
  expect((await agent.receiveCustom(CAPABILITY, "failed")).text()).toBe('{"id":2,"error":"no such queue"}');
});

test("the page's reader gets each message until the client stops", async () => {
  const { server, client, channel } = await connect([]);
  client.start();
  const agent = await server.firstAgent();
  const shown: string[] = [];
  const reading = runSnippet(snippetNamed("custom-receive"), {
    given: {
      channel,
      console: {
        log(...words: string[]) {
          shown.push(words.join(" "));
          if (shown.length === 2) void client.stop();
        },
      },
    },
  });
  for (const text of ["a", "b"]) agent.sendCustom(CAPABILITY, "note", new TextEncoder().encode(text));
  await reading;
  expect(shown).toEqual(["note a", "note b"]);
});
