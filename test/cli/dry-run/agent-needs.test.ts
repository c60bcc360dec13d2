import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileStore } from "../../../src/store/file-store.js";
import { testCertificates } from "../../../src/testing/index.js";
import { everything, folderForTest } from "../../agent/config-directory/folder.js";
import { opamp } from "../terminal.js";

const certificates = await testCertificates();
const other = await testCertificates();
const ENDPOINT = "wss://127.0.0.1:1/v1/opamp";

interface Parts {
  /** Below `extensions.opamp.server.ws`. */
  ws?: string;
  /** Below `extensions`. */
  extensions?: string;
  /** At the top. */
  more?: string;
  storage?: string;
}

/** A dry run of a file with these parts; it must leave everything as it is. */
async function dryRun(folder: string, { ws = "", extensions = "", more = "", storage = `${folder}/state` }: Parts) {
  const path = join(folder, "opamp.yaml");
  const server = `ws: { endpoint: "${ENDPOINT}"${ws === "" ? "" : `, ${ws}`} }`;
  writeFileSync(
    path,
    `extensions:\n  opamp: { server: { ${server} } }\n${extensions}storage: { directory: ${storage} }\n${more}`,
  );
  const before = everything(folder);
  const { code, out, err } = await opamp("agent", "--config", path, "--dry-run");
  expect(everything(folder)).toEqual(before);
  return {
    code,
    out,
    lines: err
      .trim()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.slice("2026-01-01T00:00:00.000Z ".length)),
  };
}

function file(folder: string, name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe("a dry run fails with 2 where the file names what a run could not use", () => {
  test("authorities, certificates and keys that are missing or wrong, each of them", async () => {
    const folder = folderForTest();
    const ca = file(folder, "ca.pem", "no certificate");
    const { code, out, lines } = await dryRun(folder, {
      ws: `tls: { ca_file: ${ca}, cert_file: ${folder}/gone.pem, key_file: ${folder}/gone.key }`,
    });
    expect([code, out]).toEqual([2, ""]);
    expect(lines).toEqual([
      expect.stringMatching(
        /^ERROR extensions\.opamp\.server\.ws\.tls \(line 2, column \d+\): ca_file \(.*ca\.pem\): holds .* no certificate/,
      ),
      expect.stringMatching(
        /^ERROR extensions\.opamp\.server\.ws\.tls .*: (cert|key)_file: cannot read .*gone\.(pem|key): ENOENT/,
      ),
    ]);
  });

  test("a key that does not belong to its certificate", async () => {
    const folder = folderForTest();
    const cert = file(folder, "cert.pem", certificates.client.cert);
    const key = file(folder, "key.pem", other.client.key);
    const { code, lines } = await dryRun(folder, { ws: `tls: { cert_file: ${cert}, key_file: ${key} }` });
    expect(code).toBe(2);
    expect(lines).toEqual([expect.stringMatching(/key_file .*does not belong to the certificate of cert_file/)]);
    const right = file(folder, "right.pem", certificates.client.key);
    const ca = file(folder, "ca.pem", certificates.ca);
    expect(
      await dryRun(folder, { ws: `tls: { ca_file: ${ca}, cert_file: ${cert}, key_file: ${right} }` }),
    ).toMatchObject({
      code: 0,
      lines: [],
    });
  });

  test("files with secrets, and programs, but not what the shell runs", async () => {
    const folder = folderForTest();
    const empty = file(folder, "empty", "");
    const plain = file(folder, "plain", "");
    chmodSync(plain, 0o644);
    const { code, lines } = await dryRun(folder, {
      ws: "auth: basicauth",
      extensions: `  basicauth: { client_auth: { username_file: ${empty}, password_file: ${folder}/gone } }\n`,
      more: `remote_config: { directory: ${folder}/conf, validate_command: [no-such-program-4711, x], command: [${plain}] }
health: { command: no-such-program-4711, components: { a: { command: [${folder}/no] }, b: { command: [sh] } } }
restart: { command: ["{directory}/x"] }
`,
    });
    expect(code).toBe(2);
    expect(lines.filter((line) => line.startsWith("ERROR"))).toEqual([
      expect.stringMatching(/username_file \(line 3, column \d+\): the file .*empty is empty/),
      expect.stringMatching(/password_file \(line 3, column \d+\): the file .*gone cannot be read: ENOENT/),
      expect.stringMatching(
        /^ERROR remote_config\.validate_command \(line 5, column \d+\): the program "no-such-program-4711" was not found/,
      ),
      expect.stringMatching(
        /^ERROR remote_config\.command \(line 5, column \d+\): the program ".*plain" may not be executed/,
      ),
      expect.stringMatching(
        /^ERROR health\.components\.a\.command .*: the program ".*no" was not found \(check the path\)$/,
      ),
    ]);
  });
});

describe("a dry run fails with 1 where a directory cannot be used", () => {
  test.each([
    ["storage.directory", (folder: string) => ({ storage: file(folder, "state", "") })],
    ["storage.directory", (folder: string) => ({ storage: `${file(folder, "plain", "")}/state` })],
    [
      "remote_config.directory",
      (folder: string) => {
        symlinkSync(join(folder, "gone"), join(folder, "link"));
        return { more: `remote_config: { directory: ${folder}/link, state_directory: ${folder}/s }\n` };
      },
    ],
  ])("%s", async (key, parts) => {
    const folder = folderForTest();
    const { code, lines } = await dryRun(folder, parts(folder));
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^ERROR ${key.replace(".", "\\.")}: `))]);
  });
});

describe("a dry run fails with 3 where a directory holds what is not the agent's", () => {
  test("in storage.directory", async () => {
    const folder = folderForTest();
    mkdirSync(join(folder, "state"));
    file(folder, "state/state.json", '{ "theirs": true }');
    const { code, lines } = await dryRun(folder, {});
    expect(code).toBe(3);
    expect(lines).toEqual([expect.stringMatching(/^ERROR storage\.directory: .*state\.json/)]);
  });

  test("in remote_config.state_directory", async () => {
    const folder = folderForTest();
    mkdirSync(join(folder, "conf/.opamp/opamp-config/theirs"), { recursive: true });
    const { code, lines } = await dryRun(folder, { more: `remote_config: { directory: ${folder}/conf }\n` });
    expect(code).toBe(3);
    expect(lines).toEqual([expect.stringMatching(/opamp-config was not made by this agent/)]);
  });
});

test("a dry run beside a running agent only says that there is one", async () => {
  const folder = folderForTest();
  const store = fileStore(join(folder, "state"));
  await store.load();
  try {
    const { code, lines } = await dryRun(folder, {});
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^INFO {2}storage\.directory: .* is in use by the agent of process \d+/),
    ]);
  } finally {
    await store.close();
  }
});

test("a dry run has the warnings of keys without effect", async () => {
  const folder = folderForTest();
  const { code, lines } = await dryRun(folder, { more: "effective_config: { redact: { deny: [x] } }\n" });
  expect(code).toBe(0);
  expect(lines).toEqual([expect.stringMatching(/^WARN {2}effective_config\.redact .*has no effect/)]);
});

test("a dry run warns of local files that are not there", async () => {
  const folder = folderForTest();
  mkdirSync(join(folder, "config"));
  file(folder, "config/main.yaml", "a: 1\n");
  const more = `remote_config: { directory: ${folder}/config, local_files: [main.yaml, mian.yaml] }\n`;
  const { code, lines } = await dryRun(folder, { more });
  expect(code).toBe(0);
  expect(lines).toEqual([`WARN  remote_config.local_files: there is no file ${folder}/config/mian.yaml`]);
});
