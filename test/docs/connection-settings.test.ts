import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { OpAMPClient } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { runSnippet, snippetNamed } from "./snippets.js";

const ignored = (): void => undefined;
const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/connection-settings.md"), "utf8");

function sourceOf(...folders: readonly string[]): string {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, "src", folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(root, "src", folder, file)),
  );
  return files.map((file) => readFileSync(file, "utf8")).join("\n");
}

/** The first cell of each row below a heading. */
function rowsBelow(heading: string): readonly string[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/^\| (`.*?) \| /gm)].map(([, cell = ""]) => cell);
}

function inCode(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
}

/** The members of an interface in a source file. */
function membersOf(name: string, file: string): readonly string[] {
  const [, body = ""] = new RegExp(`interface ${name}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(sourceFile(file)) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, member = ""]) => member);
}

function sourceFile(file: string): string {
  return readFileSync(join(root, "src", file), "utf8");
}

test("the page's agent is moved to the second server, and says so", async () => {
  const shown: unknown[][] = [];
  const { second } = await runSnippet(snippetNamed("settings-move"), {
    given: { console: { log: (...words: unknown[]) => shown.push(words) } },
  });
  if (!(second instanceof OpAMPServer)) throw new Error("the page has no second server");
  expect(shown.map(([state]) => state)).toEqual(["candidate", "verifying", "accepted"]);
  expect(shown.at(-1)).toEqual(["accepted", second.url]);
});

test("the page's handlers are given what they are offered", async () => {
  const shown: unknown[][] = [];
  await runSnippet(snippetNamed("settings-handlers"), {
    given: { console: { log: (...words: unknown[]) => shown.push(words) } },
  });
  expect(shown).toEqual([
    ["https://otlp.example.com/v1/metrics", ["api-key"]],
    ["broker", "amqps://broker.example.com", ["endpoint"]],
  ]);
});

test("the page's log is that of a move and of a rolled back offer", async () => {
  const [, log = ""] = /```text\n(Connection settings [\s\S]*?)```/.exec(page) ?? [];
  const lines: string[] = [];
  await using first = await OpAMPServer.start();
  await using second = await OpAMPServer.start({ auth: { bearer: "fresh" } });
  await using client = new OpAMPClient({
    url: first.url,
    description: { identifying: { "service.name": "my-agent" } },
    connectionSettings: { opamp: true },
    backoff: { minMs: 100, maxMs: 200 },
    logger: {
      ...{ debug: ignored, info: ignored, warn: ignored, error: ignored },
      entry: (level, message) => void (level !== "debug" && lines.push(message)),
    },
  });
  client.start();
  const agent = await first.firstAgent();
  await client.connected({ timeoutMs: 5_000 });
  lines.length = 0;
  const hash = agent.offerSettings({ opamp: { endpoint: second.url, headers: { authorization: "Bearer fresh" } } });
  const moved = await second.firstAgent();
  await moved.until((seen) => seen.hasAppliedSettings(hash));
  moved.offerSettings({ opamp: { headers: { authorization: "Bearer stale" } } });
  await moved.until((seen) => seen.hasFailedSettings());
  await client.connected({ timeoutMs: 5_000 });
  const shown = lines.join("\n").replaceAll(second.url, "wss://second.example.com/v1/opamp");
  expect(comparable(shown.replaceAll(`127.0.0.1:${second.port}`, "second.example.com"))).toEqual(comparable(log));
});

/** Lines without what differs from run to run. */
function comparable(log: string): readonly string[] {
  const lines = log.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replace(/\b[0-9a-f]{8,64}\b/, "HASH").replace(/in \d+\.\d s|at once/, "soon"));
}

describe("the page on connection settings", () => {
  test("explains every option of the policy, and no other", () => {
    const explained = rowsBelow("What to allow").map((cell) => inCode(cell)[0]?.replace(/\(.*/, ""));
    expect(explained).toEqual(membersOf("OpAMPSettingsPolicy", "client/connection-options.ts"));
  });

  test("explains every option of certificates, and no other", () => {
    const explained = rowsBelow("Client certificates on request").map((cell) => inCode(cell)[0]);
    expect(explained).toEqual(membersOf("CertificateOptions", "client/certificate-options.ts"));
  });

  test("explains every member of the connection event", () => {
    const explained = rowsBelow("Watch it").flatMap(inCode);
    const file = "client/connection-options.ts";
    const members = [...membersOf("ConnectionFacts", file), ...membersOf("ConnectionEvent", file)];
    for (const member of members) expect(explained).toContain(member);
  });

  const source = sourceOf("connection-settings", "client/connection", "transport/explain", "transport/url").replace(
    /\$\{[^}]*\}/g,
    "0",
  );
  test.each(rowsBelow("When an offer has FAILED").flatMap(inCode))("quotes the client: %s", (text) => {
    // Where the source puts in a number, the page has one.
    expect(source).toContain(text.replace(/\d+/g, "0"));
  });
});
