import { expect, test } from "vitest";
import { OpAMPServer } from "../../src/testing/index.js";
import { runSnippet, snippetNamed } from "./snippets.js";

test("the page's agent is moved to the second server, and says so", async () => {
  const shown: unknown[][] = [];
  const { second } = await runSnippet(snippetNamed("settings-move"), {
    given: { console: { log: (...words: unknown[]) => shown.push(words) } },
  });
  if (!(second instanceof OpAMPServer)) throw new Error("the page has no second server");
  expect(shown.map(([state]) => state)).toEqual(["candidate", "verifying", "accepted"]);
  expect(shown.at(-1)).toEqual(["accepted", second.url]);
});
