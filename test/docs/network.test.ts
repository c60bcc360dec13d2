import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/doctor/diagnosis.js";
import { OpAMPClient } from "../../src/index.js";
import { opamp } from "../cli/terminal.js";
import { runSnippet, snippetNamed } from "./snippets.js";

for (const name of ["network-tls", "network-proxy", "network-credentials", "network-auto"]) {
  test(`the snippet ${name} is a whole program that stays alive and logs`, async () => {
    const started: unknown[] = [];
    const snippet = snippetNamed(name);
    expect(snippet.code).toContain("  logger: console,\n  keepAlive: true,\n");
    // Without the network.
    const { client } = await runSnippet(snippet, {
      replace: { "client.start()": "note(client)" },
      given: { note: (one: unknown) => started.push(one) },
    });
    expect(client).toBeInstanceOf(OpAMPClient);
    expect(started).toEqual([client]);
  });
}

describe("the page on the doctor", () => {
  const page = readFileSync(new URL("../../docs/doctor.md", import.meta.url), "utf8");

  test("lists the actual exit codes, as the command's help does", async () => {
    const codes = [...page.matchAll(/^\| (\d) \| (.+) \|$/gm)].map(([, code, meaning]) => [Number(code), meaning]);
    expect(codes.map(([code]) => code)).toEqual(Object.values(exitCodes));
    const { out } = await opamp("doctor", "--help");
    for (const [code, meaning] of codes) expect(out).toContain(`  ${code}  ${meaning}\n`);
  });

  test("names every option", async () => {
    const { out } = await opamp("doctor", "--help");
    const options = [...out.matchAll(/(--[a-z][a-z-]+)/g)].map(([option]) => option).filter((one) => one !== "--help");
    for (const option of options) expect(page).toContain(option);
  });
});
