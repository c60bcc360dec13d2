import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ownFilesIn } from "../../../src/agent/file/own-files.js";
import { folderForTest } from "../config-directory/folder.js";

test("the agent's own files are those that it reads, and the programs that it runs", () => {
  const text = `
extensions:
  opamp:
    server:
      ws:
        endpoint: wss://h/
        tls: { ca_file: /tls/ca.pem, cert_file: /tls/cert.pem, key_file: "\${env:TLS}/key.pem", ca_pem: text }
        headers: { x-key: "\${file:/keys/header}" }
        auth: bearertokenauth
  bearertokenauth: { filename: /keys/token }
  oauth2client: { client_id_file: /keys/id, client_secret_file: /keys/secret, tls: { ca_file: /tls/oauth.pem } }
  basicauth: { client_auth: { username_file: /keys/user, password_file: /keys/password } }
  headers_setter: { headers: [{ key: a, value_file: /keys/value }] }
receivers: { filelog: { start_file: /var/log/a } }
remote_config:
  directory: /x
  pid_file: /run/a.pid
  validate_command: "{directory}/check.sh --strict"
  command: ["{directory}/reload", "/not/this"]
restart: { command: /opt/restart.sh now }
health: { command: 'test -f /not/this', components: { a: { command: ["/opt/health"] } } }
effective_config: { raw_file: /not/this, files: [/not/this] }
`;
  expect(ownFilesIn(text, { TLS: "/env" }).sort()).toEqual([
    "/env/key.pem",
    "/keys/header",
    "/keys/id",
    "/keys/password",
    "/keys/secret",
    "/keys/token",
    "/keys/user",
    "/keys/value",
    "/opt/health",
    "/opt/restart.sh",
    "/run/a.pid",
    "/tls/ca.pem",
    "/tls/cert.pem",
    "/tls/oauth.pem",
    "/x/check.sh",
    "/x/reload",
  ]);
});

test("a reference that leads nowhere names no file", () => {
  expect(ownFilesIn(`server: { ws: { tls: { ca_file: '\${file:/none}' } } }`, {})).toEqual(["/none"]);
});

const RUN = [
  "A=1 ./conf/p.sh",
  "exec ./conf/p.sh",
  "cd conf && ./p.sh",
  "true; './conf'/p.sh",
  "# first\nsh conf/p.sh",
  '>/dev/null "$OPAMP_CONFIG_DIR"/p.sh',
  "timeout 5 {directory}/p.sh",
  ["sh", "./conf/p.sh"],
  ["sh", "-c", "cd conf; ./p.sh"],
  ["/usr/bin/env", "A=1", "{directory}/p.sh"],
];

test.each(RUN)("a script in the directory that a command names is the agent's own: %j", (command) => {
  const directory = join(process.cwd(), "conf");
  const text = JSON.stringify({ remote_config: { directory, command } });
  expect(ownFilesIn(text, {})).toContain(join(directory, "p.sh"));
});

test("a program in the directory is the agent's own by its rights or its beginning, a configuration is not", () => {
  const directory = folderForTest();
  writeFileSync(join(directory, "tool"), "x", { mode: 0o755 });
  writeFileSync(join(directory, "reload"), "#!/bin/sh\n");
  writeFileSync(join(directory, "main.yaml"), "a: 1\n");
  const command = "env A=1 tool --config {directory}/main.yaml; sh {directory}/reload; cat {directory}/none.yaml";
  const own = ownFilesIn(JSON.stringify({ remote_config: { directory, command } }), {});
  expect(own.sort()).toEqual([join(directory, "reload"), join(directory, "tool")]);
});
