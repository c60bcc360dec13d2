import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { opamp } from "../../../cli/terminal.js";
import { folderForTest } from "./folder.js";

const URL = "ws://127.0.0.1:1/";

test.each<[string[], RegExp]>([
  [[], /nothing to simulate \(give --virtual .* or --url/],
  [["--virtual", "--url", URL], /--virtual and --url exclude each other/],
  [["--virtual", "--breaks", "5%", "--ca", "x"], /--breaks, --ca: only with --url/],
  [["--url", URL, "--scenario", "server-restart"], /--scenario: only with --virtual/],
  [["--virtual", "--scenario", "server-restrat"], /unknown scenario\. Did you mean server-restart\?.*--list/],
  [["--virtual", "--policy", "our"], /unknown policy\. Did you mean ours\?/],
  [["--virtual", "--agents", "none"], /'--agents <number>' has an invalid value\. Give a whole number above 0\./],
  [["--url", URL, "--breaks", "5"], /Write it as a percentage, such as 5%\./],
  [["--url", URL, "--duration", "0"], /Give a number of seconds above 0\./],
  [["--virtual", "--agent", "5"], /unknown option '--agent'\n\(Did you mean --agents\?\)/],
  [["--url", URL, "--attribute", "team={number}"], /--attribute team: \{number\} is not a placeholder/],
  [["--url", "wss://203.0.113.7/"], /203\.0\.113\.7 is a public address.*--allow-public-server/],
  [["--url", "http://[2001:db8::1]:4320/"], /2001:db8::1 is a public address/],
  [["--url", URL, "--agents", "50000000"], /--agents: 50,000,000 agents need .*(ulimit -n|ip_local_port_range)/],
  [["--url", "wss://127.0.0.1:1/", "--ca", "/nowhere/ca.pem"], /--ca: cannot read \/nowhere\/ca\.pem: ENOENT/],
  [["--url", "wss://127.0.0.1:1/", "--cert", "/nowhere/c.pem"], /--key: is missing; it belongs to --cert/],
  [["--url", URL, "--token-file", "/nowhere/token"], /\/nowhere\/token cannot be read: ENOENT/],
  [["--url", URL, "--proxy", "ftp://x"], /--proxy: is for ftp/],
  [["--virtual", "--svg", "/nowhere/at/all.svg"], /--svg: the directory \/nowhere\/at does not exist/],
  [["--virtual", "--agents", "1e9"], /1,000,000,000 agents need .* of heap.*--max-old-space-size=\d+/],
])("opamp simulate %j is a usage error", async (args, message) => {
  const { code, out, err } = await opamp("simulate", ...args);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toMatch(/^error: /);
  expect(err).toMatch(message);
});

test.each<[string[]]>([
  [["--url", "tok-4711"]],
  [["--url", "ws://user:tok-4711@203.0.113.7/"]],
  [["--url", URL, "--token-file", "tok-4711"]],
  [["--url", URL, "-H", "tok-4711"]],
  [["--url", URL, "--proxy", "ftp://user:tok-4711@x"]],
])("a secret in the wrong place of %j is not shown", async (args) => {
  const { code, out, err } = await opamp("simulate", ...args);
  expect(code).toBe(2);
  expect(out + err).not.toContain("4711");
});

test("opamp simulate --list names all scenarios, also as JSON", async () => {
  const { code, out } = await opamp("simulate", "--list");
  expect(code).toBe(0);
  const listed = out
    .trim()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect(listed.map(([name]) => name)).toContain("server-restart");
  const { out: json } = await opamp("simulate", "--list", "--json");
  expect(JSON.parse(json)).toEqual(listed.map(([name, description]) => ({ name, description })));
});

test("opamp simulate --virtual prints figures and a picture, or all of it as JSON", async () => {
  const args = ["--virtual", "--agents", "50", "--capacity", "10", "--down", "3"];
  const { code, out } = await opamp("simulate", ...args);
  expect(code).toBe(0);
  expect(out).toMatch(/^server-restart, down for 3 s, 10 connections a second: 50 agents, seed 1\n/);
  expect(out).toMatch(/ {2}ideal +5 {2}s[\s\S]*attempts per second[\s\S]*agents connected/);
  const { out: json } = await opamp("simulate", "--json", ...args);
  const result = JSON.parse(json);
  expect(Object.keys(result)).toEqual(["scenario", "agents", "seed", "seconds", "figures"]);
  expect(Object.keys(result.seconds[0])).toEqual(["second", "attempts", "accepted", "refused", "connected"]);
  expect(result.seconds.map(({ second }: { second: number }) => second)).toEqual([...result.seconds.keys()]);
  // Nobody is let in while the server is away.
  expect(result.seconds.slice(0, 3).map(({ connected }: { connected: number }) => connected)).toEqual([0, 0, 0]);
  expect(result.seconds.at(-1).connected).toBe(50);
});

test("opamp simulate --virtual with several policies has a run for each, in one picture", async () => {
  const svg = join(folderForTest(), "policies.svg");
  const args = ["--virtual", "--agents", "50", "--policy", "ours,go", "--seed", "2"];
  const { code, out } = await opamp("simulate", ...args, "--json", "--svg", svg);
  expect(code).toBe(0);
  const { runs } = JSON.parse(out);
  expect(runs.map(({ scenario, seed }: { scenario: string; seed: number }) => [scenario, seed])).toEqual([
    ["ours", 2],
    ["go", 2],
  ]);
  expect(readFileSync(svg, "utf8")).toMatch(/>server-restart<[\s\S]*>ours<[\s\S]*>go</);
});
