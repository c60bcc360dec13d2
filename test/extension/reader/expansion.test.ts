import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../../src/errors.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { Expanded, expand } from "../../../src/extension/reader/expansion.js";
import { fileForTest } from "../../cli/files.js";
import { refusal } from "../../client/refusal.js";
import { blockWith, ref, refused, SECRET, serverWith } from "../reading.js";

const env = {
  A: "a",
  B: "b",
  NUMBER: "007",
  LIST: "[x, 1]",
  MAP: `{k: "${ref("env:A")}"}`,
  QUOTED: '"q"',
  BROKEN: "{a: [",
  STAR: "*star",
  EMPTY: "",
  NAME: "A",
  CHAIN: ref("env:MIDDLE"),
  MIDDLE: `<${ref("A")}>`,
  DOLLAR: "$$5",
  LOOP: ref("env:LOOP"),
  BOMB: `${ref("env:BOMB")}${ref("env:BOMB")}`,
  SECRET,
  SECRET_REF: ref(`env:${SECRET}`),
  SECRET_FILE: ref(`file:/nowhere/${SECRET}`),
  SECRET_SCHEME: ref(`yaml:${SECRET}`),
};

const warnings: string[] = [];
const references = { env, unset: (name: string) => warnings.push(name) };
const fail = (problem: string, hint?: string) =>
  new OpAMPError("ERR_OPAMP_OPTION", problem, hint === undefined ? {} : { hint });
const put = (given: unknown) => expand(given, references, fail);

describe("text", () => {
  test.each([
    [ref("env:A"), "a"],
    [ref("A"), "a"],
    [`<${ref("env:A")}-${ref("B")}>`, "<a-b>"],
    [ref("env:UNSET:-fall"), "fall"],
    [ref("env:UNSET:-"), ""],
    [ref("env:EMPTY:-fall"), ""],
    [ref("env:UNSET:-a:-b"), "a:-b"],
    [ref(`env:${ref("env:NAME")}`), "a"],
    [ref(`env:UNSET:-${ref("A")}`), "a"],
    [ref("env:CHAIN"), "<a>"],
    [ref("env:QUOTED"), '"q"'],
    [ref("env:BROKEN"), "{a: ["],
    [ref("env:STAR"), "*star"],
    [`x${ref("env:NUMBER")}`, "x007"],
    [`x${ref("env:LIST")}`, "x[x, 1]"],
    ["$$", "$"],
    ["$$$$", "$$"],
    ["a$b", "a$b"],
    [`$${ref("env:A")}`, ref("env:A")],
    [`$$${ref("env:A")}`, "$a"],
    [`${ref("env:A")} costs ${ref("env:DOLLAR")}`, "a costs $5"],
    [`$${ref("env:A")} ${ref("env:B")}`, `${ref("env:A")} ${ref("env:B")}`],
    [`${ref("env:B")} $${ref("env:A")}`, `b ${ref("env:A")}`],
    ["{}${", "{}${"],
    [`}}${ref("env:A")}`, "}}a"],
    ["no reference", "no reference"],
  ])("%s is %j", (given, read) => {
    const value = put(given);
    expect(value instanceof Expanded ? value.text : value).toBe(read);
  });
});

describe("a value that is nothing but one reference has the type of what it stands for", () => {
  test.each([
    ["env:NUMBER", 7, "007"],
    ["env:LIST", ["x", 1], "[x, 1]"],
    ["env:MAP", { k: ref("env:A") }, '{k: "a"}'],
    ["env:EMPTY", null, ""],
    ["env:UNSET", null, ""],
    ["env:UNSET:-0x1f", 31, "0x1f"],
  ])("%s", (to, value, text) => {
    expect(put(ref(to))).toEqual(new Expanded(value, text));
  });

  test("and what is not text is left alone", () => {
    for (const value of [7, true, null, undefined, [ref("A")]]) expect(put(value)).toBe(value);
  });
});

test("lists and maps from variables are read as if they stood there", () => {
  const config = readExtensionConfig(
    {
      ...serverWith("ws", { headers: ref("env:HEADERS"), tls: { cipher_suites: ref("env:NONE") } }),
      capabilities: ref("env:CAPABILITIES"),
    },
    {
      env: {
        HEADERS: `{X-A: '1', X-B: "${ref("env:B")}"}`,
        B: "b",
        CAPABILITIES: "{reports_health: false}",
        NONE: "[]",
      },
    },
  );
  expect(config.server.headers).toEqual({ "X-A": "1", "X-B": "b" });
  expect(config.capabilities.reportsHealth).toBe(false);
});

test("a variable that is not set causes one warning for each key and counts as empty", () => {
  const told: string[] = [];
  const block = {
    ...blockWith("instance_uid", ref("env:UNSET")),
    ppid: ref("UNSET"),
    reports_raw_config: ref("EMPTY"),
  };
  readExtensionConfig(block, { env: { EMPTY: "" }, onWarning: (text) => told.push(text) });
  expect(told).toEqual([
    "instance_uid: refers to the environment variable UNSET, which is not set and counts as empty",
    "ppid: refers to the environment variable UNSET, which is not set and counts as empty",
  ]);
});

test("a file is read as YAML, or as text without the line ends after it", () => {
  const [token, tls] = [fileForTest(`${SECRET}\n`), fileForTest("# mine\ninsecure_skip_verify: true\n")];
  const { server } = readExtensionConfig(
    serverWith("ws", { headers: { "X-Token": ref(`file:${token}`) }, tls: ref(`file:${tls}`) }),
  );
  expect(server.headers).toEqual({ "X-Token": SECRET });
  expect(server.tls).toEqual({ insecureSkipVerify: true });
});

describe("a reference that leads nowhere is refused, without what it came to", () => {
  test.each([
    ["env:1A", /refers to the environment variable "1A", whose name is invalid/],
    ["env:A-B", /"A-B", whose name is invalid/],
    ["", /a reference without a scheme|name is invalid/],
    ["A:-b", /without a scheme|"A"/],
    [
      "UNSET:-b",
      /the scheme "UNSET", which is not supported; env and file are; write \$\{env:UNSET:-\.\.\.\} for a default/,
    ],
    ["yaml:a: b", /the scheme "yaml", which is not supported/],
    ["https://h/x", /the scheme "https"/],
    ["file:/nowhere/x", /refers to the file \/nowhere\/x, which cannot be read \(ENOENT\)/],
    ["env:LOOP", /refers to itself without end/],
    ["env:BOMB", /stands for more than 1048576 characters/],
    ["env:A$B", /a dollar sign inside/],
    ["env:SECRET_REF", /refers to an environment variable, whose name is invalid/],
    ["env:SECRET_FILE", /refers to a file, which cannot be read/],
    ["env:SECRET_SCHEME", /a reference with a scheme, which is not supported/],
    [`env:${ref("env:SECRET")}`, /refers to an environment variable, whose name is invalid/],
  ])("%s", (to, problem) => {
    const error = refusal(() => put(ref(to)));
    expect(error.message).toMatch(problem);
    expect(`${error.message} ${error.hint}`).not.toContain(SECRET);
  });

  test("with the path of its key", () => {
    const { message } = refused(serverWith("ws", { headers: { "X-A": ref("yaml:x") } }));
    expect(message).toMatch(/^server\.ws\.headers\.X-A: has a reference with the scheme "yaml"/);
  });
});

test("no value that came from a variable is shown, whatever is wrong with it", () => {
  const secret = ref("env:SECRET");
  const blocks = [
    { server: { ws: { endpoint: secret } } },
    serverWith("ws", { tls: { min_version: secret } }),
    serverWith("ws", { tls: { ca_pem: secret } }),
    serverWith("ws", { tls: { cipher_suites: [secret] } }),
    serverWith("ws", { tls: secret }),
    serverWith("ws", { auth: secret }),
    serverWith("ws", { headers: secret }),
    serverWith("http", { polling_interval: secret }),
    blockWith("instance_uid", secret),
    blockWith("ppid", secret),
    blockWith("capabilities", secret),
    blockWith("agent_description.non_identifying_attributes", secret),
  ];
  for (const block of blocks) expect(refused(block, { env: { SECRET } }).code).toBe("ERR_OPAMP_OPTION");
  const file = { extensions: { opamp: serverWith("ws", { auth: secret }) } };
  expect(refused(file, { env: { SECRET } }).message).toContain("could not find auth extension that it refers to");
});
