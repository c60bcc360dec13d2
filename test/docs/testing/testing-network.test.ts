import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { ServerAgent } from "../../../src/server/agents/server-agent.js";
import { FaultProxy, OpAMPServer } from "../../../src/testing/index.js";
import { runSnippet, snippetNamed } from "../snippets.js";

test("the page's faults end, and the agent reconnects", async () => {
  const { proxy, agent, server } = await runSnippet(snippetNamed("fault-proxy"));
  if (!(proxy instanceof FaultProxy)) throw new Error("the snippet makes no proxy");
  expect(proxy.connections).toMatchObject({ open: 0, total: 2 });
  expect(server).toBeInstanceOf(OpAMPServer);
  expect(agent).toMatchObject({ disconnected: true });
});

test("the page's certificates connect an agent to its server, and invalid ones can be issued", async () => {
  const { agent, expired, elsewhere, unknown } = await runSnippet(snippetNamed("test-certificates"));
  if (!(agent instanceof ServerAgent)) throw new Error("no agent came");
  expect(agent.disconnected).toBe(true);
  const [late, far, foreign] = [expired, elsewhere, unknown].map((made) => new X509Certificate(certOf(made)));
  expect(late?.validTo).toBe("Jan  1 00:00:00 2020 GMT");
  expect(far?.subjectAltName).toBe("DNS:opamp.example.com");
  expect(foreign?.issuer).not.toBe(late?.issuer);
});

function certOf(made: unknown): string {
  return typeof made === "object" && made !== null && "cert" in made ? String(made.cert) : "";
}
