import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { OpAMPServer } from "opamp-client/testing";

// Runs every sample of README and docs as a program of its own, in an empty folder that has the package alone.

const samples = JSON.parse(readFileSync(new URL("samples.json", import.meta.url), "utf8"));
const signals = ["SIGINT", "SIGTERM"];

/** What a reader's program has around a sample. */
const PEERS = `
import { OpAMPServer } from "opamp-client/testing";
import { OpAMPClient, effectiveConfig } from "opamp-client";
const server = await OpAMPServer.start({ customCapabilities: ["com.example.a/v1"] });
const config = effectiveConfig({ read: () => "a: 1" });
const client = new OpAMPClient({ url: server.url, description: { identifying: { "service.name": "a" } }, effectiveConfig: config });
const channel = client.customCapability("com.example.a/v1");
client.start();
const seen = await server.firstAgent();
`;
const END = "\nawait client.stop(); await server.close();\n";
const around = {
  "custom-announced": [PEERS, END],
  "custom-send": [PEERS, END],
  "custom-failure": [PEERS, END],
  "custom-receive": [`${PEERS} seen.sendCustom("com.example.a/v1", "note"); setTimeout(() => client.stop(), 50);`, END],
  "embed-changed": [PEERS, END],
  "collector-custom": [
    `import { OpAMPExtension } from "opamp-client/extension";
     const agent = new OpAMPExtension({ server: { ws: { endpoint: "ws://127.0.0.1" } } }, { service: { name: "a" } });`,
    "\nawait agent.stop();\n",
  ],
  "network-tls": ["", "\nawait client.stop();\n"],
  "network-proxy": ["", "\nawait client.stop();\n"],
  "network-credentials": ["", "\nawait client.stop();\n"],
  "network-auto": ["", "\nawait client.stop();\n"],
  "supervisor-child": ["", "\nwatch.stop();\n"],
};

/** Agents that run until they are told to end: their files, and the file that an offer is to change. */
const agents = {
  "first-agent": { offered: "agent.yaml" },
  "embed-agent": { offered: "agent.yaml", files: { "agent.yaml": "level: info\n" } },
  supervisor: { offered: "program.json", files: { "program.json": '{ "level": "info" }' } },
  extension: {},
  "collector-extension": {
    files: { "otelcol.yaml": "extensions: { opamp: { server: { ws: { endpoint: SERVER } } } }" },
  },
};

const filesOf = {
  "agent-test-file": {
    "opamp.yaml": [
      `extensions: { opamp: { server: { ws: { endpoint: "\${env:OPAMP_URL}" } } } }`,
      "storage: { directory: state }",
      "remote_config: { directory: conf, command: test -s conf/program.yaml }",
    ].join("\n"),
  },
};

/** Needs the fake timers of vitest, with which `npm test` runs it. */
const ofVitest = ["fake-timers"];

async function folderWith(t, files = {}) {
  const folder = await mkdtemp(join(tmpdir(), "opamp-sample-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(new URL("node_modules", import.meta.url).pathname, join(folder, "node_modules"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Starts a sample. `ended` resolves with its exit code, or the signal that killed it. */
async function start(folder, name, url) {
  const [before = "", after = ""] = around[name] ?? [];
  const code = samples[name]
    .replaceAll(/wss?:\/\/[\w.]+:4320\/v1\/opamp/g, url)
    .replaceAll("/var/lib/my-agent", "state");
  await writeFile(join(folder, "sample.mjs"), `${before}${code}${after}`);
  const env = {
    ...process.env,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    OTEL_OPAMP_ENDPOINT: "ws://127.0.0.1:4320/v1/opamp",
  };
  const child = spawn(process.execPath, ["sample.mjs"], { cwd: folder, env });
  const shown = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => shown.push(data));
  const ended = once(child, "close").then(([exitCode, signal]) => exitCode ?? signal);
  return { child, ended, output: () => Buffer.concat(shown).toString() };
}

describe("each sample runs to its end", { concurrency: 4, timeout: 60_000 }, () => {
  for (const name of Object.keys(samples).filter((one) => !(one in agents || ofVitest.includes(one)))) {
    test(name, async (t) => {
      const folder = await folderWith(t, filesOf[name]);
      const { ended, output } = await start(folder, name, "ws://127.0.0.1:4320/v1/opamp");
      assert.equal(await ended, 0, output());
    });
  }
});

describe("each agent of a sample connects, applies an offer and disconnects", {
  concurrency: 4,
  timeout: 60_000,
}, () => {
  for (const [name, { offered, files = {} }] of Object.entries(agents)) {
    for (const signal of signals) {
      test(`${name}, ended by ${signal}`, async (t) => {
        const server = await OpAMPServer.start();
        t.after(() => server.close());
        const given = Object.entries(files).map(([file, text]) => [file, text.replace("SERVER", server.url)]);
        const folder = await folderWith(t, Object.fromEntries(given));
        const { child, ended, output } = await start(folder, name, server.url);
        t.after(() => child.kill("SIGKILL"));

        const early = ended.then((how) => Promise.reject(new Error(`ended with ${how}: ${output()}`)));
        const agent = await Promise.race([server.firstAgent(), early]);
        if (offered === undefined)
          await Promise.race([agent.until(({ health }) => (health?.status ?? "") !== ""), early]);
        else {
          const text = '{ "level": "debug" }';
          agent.offerConfig({ [offered]: text });
          await Promise.race([agent.until((seen) => seen.hasApplied()), early]);
          assert.equal(await readFile(join(folder, offered), "utf8"), text);
        }
        child.kill(signal);
        assert.equal(await ended, 0, output());
        await agent.until(({ disconnected }) => disconnected);
        if (name === "first-agent") assert.match(output(), /ENOENT.*agent\.yaml/);
      });
    }
  }
});
