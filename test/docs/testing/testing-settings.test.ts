import { expect, test } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { runSnippet, snippetNamed } from "../snippets.js";

async function run(name: string): Promise<Readonly<Record<string, unknown>>> {
  const values = await runSnippet(snippetNamed(name));
  const servers = Object.values(values).filter((value) => value instanceof OpAMPServer);
  expect(servers.map(({ sockets }) => sockets.open)).toEqual(servers.map(() => 0));
  return values;
}

test.concurrent("the page's agent moves to a second server, and stays there when a token is wrong", async () => {
  const { agent, moved, reason } = await run("server-move");
  expect(agent).toMatchObject({ disconnected: true, connectionSettings: { status: "applying" } });
  expect(moved).toMatchObject({ disconnected: true, connectionSettings: { status: "failed" } });
  expect(reason).toContain("401");
});

test.concurrent("the page's agent moves to a server that wants a certificate", async () => {
  const { shown, moved } = await run("server-move-tls");
  expect(shown).toBe("CN=test client");
  expect(moved).toMatchObject({ connectionSettings: { status: "applied" } });
});

test.concurrent("the page's agent asks for a certificate, and comes back with it", async () => {
  const { asked, shown, client } = await run("server-signing");
  if (!(client instanceof OpAMPClient)) throw new Error("the snippet has no client");
  const { instanceUid } = client;
  expect(asked).toMatchObject({ subject: `CN=${instanceUid}`, names: [`urn:uuid:${instanceUid}`], keyType: "ec-p256" });
  expect(shown).toMatchObject({ trusted: true, subject: `CN=${instanceUid}` });
});
