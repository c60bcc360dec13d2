import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createConfigRedactor } from "../../../src/extension/redact/config-redactor.js";
import { refusal } from "../../client/refusal.js";

const redactor = createConfigRedactor();

/** Configurations before and after. */
const cases: readonly (readonly [what: string, before: string, after: string])[] = [
  ["a plain value", "password: hunter two # a note\nuser: me\n", "password: '[REDACTED]' # a note\nuser: me\n"],
  ["a value in single quotes", "password:   'hunter''s'\n", "password:   '[REDACTED]'\n"],
  ["a value in double quotes", 'password: "hunt\\ner"\n', 'password: "[REDACTED]"\n'],
  ["a value over several lines", "token: abc\n  def\nuser: me\n", "token: '[REDACTED]'\nuser: me\n"],
  [
    "a literal block, with the note at its head",
    "token: |- # note\n  abc\n\n  def\nuser: me\n",
    "token: '[REDACTED]' # note\nuser: me\n",
  ],
  ["a folded block at the end, without a line end", "a: 1\ntoken: >\n  abc", "a: 1\ntoken: '[REDACTED]'\n"],
  ["a number and a switch", "password: 1234\ntoken: true\n", "password: '[REDACTED]'\ntoken: '[REDACTED]'\n"],
  ["Windows line ends", "a: 1 # x\r\ntoken: |\r\n  b\r\nc: d\r\n", "a: 1 # x\r\ntoken: '[REDACTED]'\r\nc: d\r\n"],
  [
    "everything below the name of a secret",
    "credentials:\n  user: me\n  more: [a1, {b: c1}]\n  none:\n",
    "credentials:\n  user: '[REDACTED]'\n  more: ['[REDACTED]', {b: '[REDACTED]'}]\n  none:\n",
  ],
  [
    "an element of XML, whatever is around it",
    '<db kind="x"><password enc="no">hunter2</password><name>me</name></db>\n<token>\n',
    '<db kind="x"><password enc="no">[REDACTED]</password><name>me</name></db>\n<token>\n',
  ],
  [
    "a value beside the name of a secret, whichever comes first",
    "env:\n- name: DB_PASSWORD\n  value: hunter2\n- {value: hunter3, name: API_TOKEN}\n- {key: user, value: me}\n",
    "env:\n- name: DB_PASSWORD\n  value: '[REDACTED]'\n- {value: '[REDACTED]', name: API_TOKEN}\n- {key: user, value: me}\n",
  ],
  [
    "a value beside the name of a secret in JSON",
    '{"env":[{"value":["a",{"b":"c"}],"name":"TOKEN"},{"name":"USER","value":"me"},{"value":"a","name":"PWD","k":[1]}]}',
    '{"env":[{"value":["[REDACTED]",{"b":"[REDACTED]"}],"name":"TOKEN"},{"name":"USER","value":"me"},' +
      '{"value":"[REDACTED]","name":"PWD","k":[1]}]}',
  ],
  [
    "what is in a Secret of Kubernetes, but not in a ConfigMap",
    "kind: Secret\nmetadata: {}\ndata:\n  a: b\nstringData: {c: d}\n---\nkind: ConfigMap\ndata:\n  a: b\n",
    "kind: Secret\nmetadata: {}\ndata:\n  a: '[REDACTED]'\nstringData: {c: '[REDACTED]'}\n---\nkind: ConfigMap\ndata:\n  a: b\n",
  ],
  [
    "a Secret of Kubernetes in JSON",
    '{"data":{"a":"b"},"kind":"Secret","type":"Opaque"}',
    '{"data":{"a":"[REDACTED]"},"kind":"Secret","type":"Opaque"}',
  ],
  [
    "an argument that belongs to the one before it",
    "args: [--token, abc, -v, --api-key, --password-stdin, x]\nmore:\n- --password\n- 'abc'\n- abd\n",
    "args: [--token, '[REDACTED]', -v, --api-key, --password-stdin, '[REDACTED]']\nmore:\n- --password\n- '[REDACTED]'\n- abd\n",
  ],
  [
    "an argument in JSON",
    '["--token","abc","--token",["a"],"c","--password",5,"d"]',
    '["--token","[REDACTED]","--token",["[REDACTED]"],"c","--password","[REDACTED]","d"]',
  ],
  [
    "a key that its map makes secret",
    "datadog:\n  api: {site: x, key: hunter2}\nencryption: {key: hunter2}\nhost: {key: b}\n",
    "datadog:\n  api: {site: x, key: '[REDACTED]'}\nencryption: {key: '[REDACTED]'}\nhost: {key: b}\n",
  ],
  ["a key that its map makes secret, in JSON", '{"api":{"key":"a"}}', '{"api":{"key":"[REDACTED]"}}'],
  [
    "what XML has in attributes, in character data and over several lines",
    '<c>\n <add key="Token" value="abc" />\n <add value=\'abc\' name=\'Pwd\'/>\n <add key="a" value="b"/>\n' +
      '<p name="token">abc</p>\n<password><![CDATA[abc]]></password>\n<secret>\n  abc\n</secret>\n<token>abc</token\n>\n</c>\n',
    '<c>\n <add key="Token" value="[REDACTED]" />\n <add value=\'[REDACTED]\' name=\'Pwd\'/>\n <add key="a" value="b"/>\n' +
      '<p name="token">[REDACTED]</p>\n<password>[REDACTED]</password>\n<secret>\n</secret>\n<token>[REDACTED]</token\n>\n</c>\n',
  ],
  [
    "a text over several lines, a header by its path, and a table of secrets in TOML",
    'password = """\nabc\n"""\na.headers."X-A" = "b"\nb = \'c\'\n[secrets.db]\nuser = "b"\n',
    'password = "[REDACTED]"\na.headers."X-A" = "[REDACTED]"\nb = \'c\'\n[secrets.db]\nuser = "[REDACTED]"\n',
  ],
  [
    "a text up to a word, and one that goes on after a backslash",
    "token = <<EOT\nabc\nEOT\nb = 1\nspring.password=abc\\\ndef\\\nghi\nc = 2\n",
    "token = [REDACTED]\nb = 1\nspring.password=[REDACTED]\nc = 2\n",
  ],
  [
    "a directive with the name of a secret",
    "Name es\nSplunk_Token abc\nset $api_key abc;\npassword 'abc'\nproxy_set_header X-Api-Key \"a b\";\nThe api-key is not here\n",
    "Name es\nSplunk_Token [REDACTED]\nset $api_key [REDACTED];\npassword '[REDACTED]'\n" +
      'proxy_set_header X-Api-Key "[REDACTED]";\nThe api-key is not here\n',
  ],
  [
    "a value beside the name of a secret in a template",
    "{{ if .x }}\n- name: DB_PASSWORD\n  value: abc\n- name: HOST\n  value: abd\n{{ end }}\n",
    "{{ if .x }}\n- name: DB_PASSWORD\n  value: [REDACTED]\n- name: HOST\n  value: abd\n{{ end }}\n",
  ],
  ["a set", "tokens: {abc, def: }\n", "tokens: {'[REDACTED]', def: }\n"],
  [
    "a header map, in either style",
    'headers: {x-a: b, "x-c": "d"}\nhttp_headers:\n  x-e: f\n',
    "headers: {x-a: '[REDACTED]', \"x-c\": \"[REDACTED]\"}\nhttp_headers:\n  x-e: '[REDACTED]'\n",
  ],
  [
    "a list of headers, but for what tells which they are",
    "headers:\n  - action: insert\n    key: X-Tenant\n    value: acme\n",
    "headers:\n  - action: insert\n    key: X-Tenant\n    value: '[REDACTED]'\n",
  ],
  ["headers in one text", "headers: x-a=b,x-c=d\n", "headers: '[REDACTED]'\n"],
  [
    "user, password and query of a URL, in whatever quotes",
    "a: http://u:p@h/x\nb: [http://u:p@h/]\nc: \"http://u:p@h/?k=v\" # z\nd: 'it''s http://u:p@h'\n",
    "a: 'http://[REDACTED]@h/x'\nb: ['http://[REDACTED]@h/']\nc: \"http://[REDACTED]@h/?k=[REDACTED]\" # z\n" +
      "d: 'it''s http://[REDACTED]@h'\n",
  ],
  [
    "what a block of text tells, line by line",
    "run: |\n  export TOKEN=abc\n  curl http://u:p@h/\n  headers:\n    x-a: b\nend: 1\n",
    "run: |\n  export TOKEN=[REDACTED]\n  curl http://[REDACTED]@h/\n  headers:\n    x-a: [REDACTED]\nend: 1\n",
  ],
  [
    "a private key under any name",
    "pem: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIEabc\n  -----END RSA PRIVATE KEY-----\nend: 1\n",
    "pem: |\n  [REDACTED]\nend: 1\n",
  ],
  [
    "settings that were commented out",
    "# password: correct horse\n# headers:\n#   x-a: b\n# port: 1\na: 1 # token: abc\n",
    "# password: [REDACTED]\n# headers:\n#   x-a: [REDACTED]\n# port: 1\na: 1 # token: [REDACTED]\n",
  ],
  [
    "every header of a map that was commented out",
    "# headers:\n#   x-a: b\n#   x-c: d\n# port: 1\na: 1\n",
    "# headers:\n#   x-a: [REDACTED]\n#   x-c: [REDACTED]\n# port: 1\na: 1\n",
  ],
  [
    "every header in a template",
    "{{ if .x }}\nheaders:\n  x-a: b\n  more:\n    x-c: d\n  x-e: {{ .f }}\nport: 1\n{{ end }}\n",
    "{{ if .x }}\nheaders:\n  x-a: [REDACTED]\n  more:\n    x-c: [REDACTED]\n  x-e: [REDACTED]\nport: 1\n{{ end }}\n",
  ],
  [
    "a list that was commented out, but not one that comes next",
    "# tokens:\n# - abc\n# token: abc\n#   def\n# - see below\na: 1\n",
    "# tokens:\n# - [REDACTED]\n# token: [REDACTED]\n#\n# - see below\na: 1\n",
  ],
  [
    "a private key that was commented out",
    "a:\n  # -----BEGIN PRIVATE KEY-----\n  # MIIEabc\n  # -----END PRIVATE KEY-----\n  # more\n  b: 1\n",
    "a:\n  # [REDACTED]\n  #\n  #\n  # more\n  b: 1\n",
  ],
  [
    "what an anchor names, so that its aliases show nothing either",
    "password: &p hunter2\nother: *p\n",
    "password: &p '[REDACTED]'\nother: *p\n",
  ],
  [
    "what an alias puts in a secret place",
    "x: &d hunter2\ny: &m {a: b1}\npassword: *d\nheaders: {<<: *m}\n",
    "x: &d '[REDACTED]'\ny: &m {a: '[REDACTED]'}\npassword: *d\nheaders: {<<: *m}\n",
  ],
  [
    "what an alias stands for where an anchor is used twice",
    "a: &x\n  p: &y one\nb: &y two\npassword: *x\ntoken: *y\n",
    "a: &x\n  p: &y '[REDACTED]'\nb: &y '[REDACTED]'\npassword: *x\ntoken: *y\n",
  ],
  ["a key that is an alias", "n: &n password\n*n : hunter2\n", "n: &n password\n*n : '[REDACTED]'\n"],
  ["a value with a tag of another type", "token: !!int 5\nb: !!str x\n", "token:  '[REDACTED]'\nb: !!str x\n"],
  ["an ordered map", "credentials: !!omap\n  - a: b1\n", "credentials: !!omap\n  - a: '[REDACTED]'\n"],
  ["a map in brackets", "headers: [x-a: b1]\n", "headers: [x-a: '[REDACTED]']\n"],
  ["a value with a tag of its own", "token: &t !vault |\n  abc\nb: 1\n", "token: &t  '[REDACTED]'\nb: 1\n"],
  [
    "every document of several",
    "%YAML 1.2\n---\ntoken: a1\n---\n# none\n...\n---\n- token: b1\n",
    "%YAML 1.2\n---\ntoken: '[REDACTED]'\n---\n# none\n...\n---\n- token: '[REDACTED]'\n",
  ],
  ["a reference with a default value", `token: '\${env:TOKEN:-abc}'\n`, "token: '[REDACTED]'\n"],
  [
    "JSON, which stays JSON",
    '{\n\t"a": [1.50, {"token": 5, "x": null}],\r\n\t"headers": {"a": "b\\"c", "d": null}, "u": "http://a:b@c" }\n',
    '{\n\t"a": [1.50, {"token": "[REDACTED]", "x": null}],\r\n\t"headers": {"a": "[REDACTED]", "d": null}, ' +
      '"u": "http://[REDACTED]@c" }\n',
  ],
  ["a text of JSON that reads as null", '{"token": "null"}', '{"token": "[REDACTED]"}'],
  [
    "ini and toml",
    '[exporter]\npassword = hunter two\nurl=http://u:p@h/\n[exporter.headers]\nx-a = "b"\n[other]\nx-a = b\n',
    '[exporter]\npassword = [REDACTED]\nurl=http://[REDACTED]@h/\n[exporter.headers]\nx-a = "[REDACTED]"\n[other]\nx-a = b\n',
  ],
  [
    "a file of variables",
    'export API_TOKEN="abc\ndef"\nPORT=1\nDSN=pg://u:p@h/d\n',
    'export API_TOKEN="[REDACTED]"\nPORT=1\nDSN=pg://[REDACTED]@h/d\n',
  ],
  [
    "all that is in an element of XML",
    '<c>\n<credentials>\n <user a="b">me</user>\n</credentials>\n<secret>\n<secret>\n</c>\n',
    "<c>\n<credentials>\n</credentials>\n<secret>\n<secret>\n</c>\n",
  ],
  [
    "what follows a private key in the same value",
    "a: b: c\npassword: |\n  -----BEGIN PRIVATE KEY-----\n  MII\n  -----END PRIVATE KEY-----\n\n  hunter\nb: c\n",
    "a: b: c\npassword: [REDACTED]\nb: c\n",
  ],
  [
    "a value after what is not a character",
    "a: b: c\n\uffffpassword = hunter two\n",
    "a: b: c\n\ufffdpassword = [REDACTED]\n",
  ],
  ["an open quote with what follows, be it white space", "a=b\npassword='  \nabc\n", "a=b\npassword='[REDACTED]'"],
  ["what only looks like the head of a section", "a: b: c\n[password=abc\nb\n", "a: b: c\n[password=[REDACTED]\nb\n"],
  [
    "text that is hardly YAML any more",
    "a: b: c\npassword: correct horse\nheaders:\n  x-a: b c\nsecret: |\n  abc\n  def\nb: c\n",
    "a: b: c\npassword: [REDACTED]\nheaders:\n  x-a: [REDACTED]\nsecret: [REDACTED]\nb: c\n",
  ],
  [
    "JSON that was cut off",
    '{\n  "password": "hunter two",\n  "headers": {\n    "x-a": "b"\n  },\n  "c": 1,\n',
    '{\n  "password": "[REDACTED]",\n  "headers": {\n    "x-a": "[REDACTED]"\n  },\n  "c": 1,\n',
  ],
];

describe("hidden, with all else left byte for byte,", () => {
  for (const [what, before, after] of cases) {
    test(`is ${what}`, () => {
      expect(redactor.text(before)).toBe(after);
      // What is redacted already stays as it is.
      expect(redactor.text(after)).toBe(after);
    });
  }
});

describe("left unchanged", () => {
  for (const [what, text] of [
    ["an empty value", 'password:\ntoken: ""\nsecret: ~\nheaders:\n'],
    ["a reference", `token: \${env:TOKEN}\npassword: '\${PW}'\nheaders: {authorization: "Bearer \${file:/run/t}"}\n`],
    ["what only sounds secret", "token_count: 5\nkey_file: /a/b\nmax_idle: 1\nauth:\n  authenticator: oidc\n"],
    [
      "an empty element of XML, and one with a reference",
      "<c>\n<token> </token>\n<token>$" + "{env:TOKEN}</token>\n</c>\n",
    ],
    ["a switch that ends in headers", "include_headers: true\n"],
    ["any way to write YAML", "%YAML 1.2\n---\n? [a, 'b']\n: &x {c: \"d\\u0041\"}\n--- |\n  text\n...\n# end"],
    ["a text", "just some words\n"],
    ["nothing", ""],
    ["JSON in any layout", '\n{"a" : [ 1e5, "\\u0041",true ] }\n\n'],
    ["a character of any plane", "a: b: c\nname = \u{10000}\u{103ff}\u{1f600}\n"],
    ["a byte order mark", "\ufeffa: 1\n"],
  ] as const) {
    test(`is ${what}`, () => {
      expect(redactor.text(text)).toBe(text);
    });
  }

  test("is the byte order mark of text in bytes", () => {
    const text = new TextEncoder().encode("\ufefftoken: äbc\n");
    expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(redactor.bytes(text))).toBe(
      "\ufefftoken: '[REDACTED]'\n",
    );
  });
});

describe("the lists", () => {
  test("show names and hide others; hiding beats showing", () => {
    const { text } = createConfigRedactor({ allow: ["token", "user-agent"], deny: ["license", "token id"] });
    const before = "token: a1\nacme_license: b1\nheaders:\n  User-Agent: c1\n  x: d1\ncredentials:\n  token: {e: f1}\n";
    expect(parse(text(before))).toEqual({
      token: "a1",
      acme_license: "[REDACTED]",
      headers: { "User-Agent": "c1", x: "[REDACTED]" },
      credentials: { token: { e: "f1" } },
    });
    expect(text("auth:\n  a: b1\n")).toBe("auth:\n  a: b1\n");
    expect(createConfigRedactor({ deny: ["auth"] }).text("auth:\n  a: b1\n")).toBe("auth:\n  a: '[REDACTED]'\n");
  });

  test("are refused if they are not lists of names", () => {
    expect(refusal(() => createConfigRedactor({ deny: [""] }))).toMatchObject({ code: "ERR_OPAMP_OPTION" });
  });
});

test("very large YAML is redacted line by line, in a fraction of the time", () => {
  const padding = "- a\n".repeat(132_000);
  const given = `${padding}- password: hunter2\n  headers:\n    x-a: hunter2\n    x-b: hunter2\n`;
  expect(redactor.text(given).slice(padding.length)).toBe(
    "- password: [REDACTED]\n  headers:\n    x-a: [REDACTED]\n    x-b: [REDACTED]\n",
  );
});

describe("a text that is hard to parse", () => {
  const times = 5_000;
  for (const [what, text, secrets] of [
    ["nests deeply in brackets", "[".repeat(times), []],
    ["nests deeply in braces", `{password: hunter2, a: ${"{a: ".repeat(times)}1${"}".repeat(times)}}`, []],
    ["nests deeply in JSON", `${'{"token":'.repeat(times)}"hunter2"${"}".repeat(times)}`, ["hunter2"]],
    ["nests deeply in lists", "- ".repeat(times), []],
    ["has a long line", `password: ${"hunter2 ".repeat(times)}`, ["hunter2"]],
    ["has many comments", "# password: hunter2\n".repeat(times), ["hunter2"]],
    ["has many tags", "- password: !!str hunter2\n- token: !!int 5\n".repeat(times), ["hunter2"]],
    ["opens a key again and again", "-----BEGIN PRIVATE KEY-----hunter2\n".repeat(times), ["hunter2"]],
    ["opens elements again and again", "a: b: c\n<token>\n".repeat(times), []],
    ["contains itself", "a: &a [*a, {password: *a}]\nb: &b hunter2\npassword: *b\n", ["hunter2"]],
  ] as const) {
    test(`that ${what} is still redacted`, () => {
      const redacted = redactor.text(text);
      for (const secret of secrets) expect(redacted.includes(secret)).toBe(false);
      expect(redactor.text(redacted) === redacted).toBe(true);
    });
  }
});
