import { expect, test } from "vitest";
import { OpAMPServer } from "../../../src/testing/index.js";
import { runSnippet, snippetNamed } from "../snippets.js";

async function run(name: string): Promise<Readonly<Record<string, unknown>>> {
  const values = await runSnippet(snippetNamed(name));
  for (const server of [values["first"], values["second"]]) {
    if (!(server instanceof OpAMPServer)) throw new Error("the snippet has no two servers");
    expect(server.sockets.open).toBe(0);
  }
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
