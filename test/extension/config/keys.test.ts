import { describe, expect, test } from "vitest";
import type { ExtensionConfig } from "../../../src/extension/config/extension-config.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { blockWith, put, ref, refused, SECRET, serverWith } from "../reading.js";
import { connectionKeys } from "./connection-keys.js";
import { extensionKeys } from "./extension-keys.js";

type Forms = readonly [given: unknown, read: unknown][];
type Refusals = readonly [given: unknown, problem: RegExp][];

interface Row {
  get(config: ExtensionConfig): unknown;
  /** When the key is left out. */
  default: unknown;
  forms: Forms;
  refusals: Refusals;
}

function flag(get: Row["get"], byDefault: boolean): Row {
  return {
    get,
    default: byDefault,
    forms: [
      [true, true],
      [false, false],
      // The Collector's own reading: there, but nothing.
      [null, false],
      [ref("env:ON"), true],
      [ref("env:UNSET"), false],
    ],
    refusals: [
      [SECRET, /must be true or false, not text/],
      [1, /must be true or false, not a number/],
    ],
  };
}

const TEXT_ONLY: Refusals = [
  [4711, /must be text, not a number/],
  [true, /must be text, not a truth value/],
  [[SECRET], /must be text, not a list/],
  [{ [SECRET]: 1 }, /must be text, not a map/],
];

const MAP_OF_TEXT: Refusals = [
  [SECRET, /must be a map of keys, not text/],
  [{ a: 1 }, /\.a: must be text, not a number/],
  [{ a: { b: SECRET } }, /\.a: must be text, not a map/],
];

const UUID = "01890a5d-ac96-774b-bcce-b302099a8057";

/** The keys that are not below `server`, which has a table of its own. */
const rows: Readonly<Record<string, Row>> = {
  instance_uid: {
    get: ({ instanceUid }) => instanceUid,
    default: undefined,
    forms: [
      [UUID, UUID],
      ["", undefined],
      [`{${UUID}}`, UUID],
      [`urn:uuid:${UUID}`, UUID],
      [UUID.replaceAll("-", ""), UUID],
      ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01563e3a-b5d3-d676-4c61-efb99302bd5b"],
    ],
    refusals: [
      [SECRET, /opamp instance_uid is invalid/],
      ["00000000-0000-0000-0000-000000000000", /opamp instance_uid is invalid/],
      ...TEXT_ONLY,
    ],
  },
  "capabilities.reports_effective_config": flag((config) => config.capabilities.reportsEffectiveConfig, true),
  "capabilities.reports_health": flag((config) => config.capabilities.reportsHealth, true),
  "capabilities.reports_available_components": flag((config) => config.capabilities.reportsAvailableComponents, true),
  "capabilities.accepts_restart_command": flag((config) => config.capabilities.acceptsRestartCommand, false),
  "capabilities.reports_heartbeat": flag((config) => config.capabilities.reportsHeartbeat, false),
  reports_raw_config: flag((config) => config.reportsRawConfig, false),
  "agent_description.non_identifying_attributes": {
    get: ({ agentDescription }) => agentDescription.nonIdentifyingAttributes,
    default: {},
    forms: [
      [
        { "deployment.environment": "a", b: "" },
        { "deployment.environment": "a", b: "" },
      ],
      [null, {}],
      [{ zip: ref("env:ZIP") }, { zip: "007" }],
    ],
    refusals: MAP_OF_TEXT,
  },
  "agent_description.include_resource_attributes": flag(
    (config) => config.agentDescription.includeResourceAttributes,
    false,
  ),
  ppid: {
    get: ({ ppid }) => ppid,
    default: 0,
    forms: [
      [4711, 4711],
      [0, 0],
      [null, 0],
      [ref("env:ZIP"), 7],
      [ref("env:UNSET"), 0],
    ],
    refusals: [
      ["4711", /must be a whole number, not text/],
      [1.5, /must be a whole number, not a fraction/],
      [-1, /must be from 0 to 2147483647/],
      [2 ** 31, /must be from 0 to 2147483647/],
    ],
  },
  ppid_poll_interval: {
    get: ({ ppidPollIntervalMs }) => ppidPollIntervalMs,
    default: 5_000,
    forms: [
      ["1m", 60_000],
      ["1.5s", 1_500],
      [null, 0],
    ],
    refusals: [
      [5, /is a number without a unit/],
      [SECRET, /must be a duration/],
      [true, /must be a duration, not a truth value/],
      [ref("env:ZIP"), /is a number without a unit/],
    ],
  },
};

const env = { ON: "true", ZIP: "007" };

for (const [key, row] of Object.entries(rows)) {
  describe(key, () => {
    test("has its default", () => {
      expect(row.get(readExtensionConfig(serverWith("ws", {}), { env, platform: "linux" }))).toEqual(row.default);
    });

    test.each(row.forms)("takes %j as %j", (given, read) => {
      const config = readExtensionConfig(blockWith(key, given), { env, platform: "linux" });
      expect(row.get(config)).toEqual(read);
    });

    test.each(row.refusals)("refuses %j", (given, problem) => {
      const { code, message, hint } = refused(blockWith(key, given), { env, platform: "linux" });
      expect(code).toBe("ERR_OPAMP_OPTION");
      expect(message.startsWith(key)).toBe(true);
      expect(message).toMatch(problem);
      expect(hint).not.toContain("docs/api");
    });
  });
}

describe("the list of keys has the known keys of each level, and nothing else", () => {
  const levels: readonly [listed: string, block: (block: object) => object][] = [
    ["server.*.", (block) => serverWith("ws", { ...block })],
    ["server.http.", (block) => serverWith("http", { ...block })],
    ["server.*.tls.", (tls) => serverWith("ws", { tls })],
    ["capabilities.", (capabilities) => ({ ...serverWith("ws", {}), capabilities })],
    ["agent_description.", (agent_description) => ({ ...serverWith("ws", {}), agent_description })],
    ["", (block) => ({ ...serverWith("ws", {}), ...block })],
    ["connection_settings.", (connection_settings) => ({ ...serverWith("ws", {}), connection_settings })],
    ["bearertokenauth.", (bearertokenauth) => withAuth("bearertokenauth", { bearertokenauth })],
    ["basicauth.", (basicauth) => withAuth("basicauth", { basicauth })],
    ["basicauth.client_auth.", (client_auth) => withAuth("basicauth", { basicauth: { client_auth } })],
    ["oauth2client.", (oauth2client) => withAuth("oauth2client", { oauth2client })],
    [
      "headers_setter.",
      (headers_setter) => withAuth("headers_setter", { headers_setter: { headers: [], ...headers_setter } }),
    ],
    [
      "headers_setter.headers.",
      (item) => withAuth("headers_setter", { headers_setter: { headers: [{ key: "a", ...item }] } }),
    ],
  ];
  test.each(levels)("%s", (level, config) => {
    const { message, hint } = refused(config({ zzzzzzzzzzzz: SECRET }));
    const [, known = ""] = /valid keys: ([^)]*)/.exec(`${message} (${hint})`) ?? [];
    expect(known.split(", ").toSorted()).toEqual(listedAt(level).toSorted());
  });
});

function withAuth(auth: string, extensions: object): object {
  return { extensions: { opamp: serverWith("ws", { auth }), ...extensions } };
}

/** The keys right below a level; those of `http` are those of both transports and its own. */
function listedAt(level: string): readonly string[] {
  const auth = /^\w+(auth|client|setter)\./;
  const keys = [...extensionKeys, ...connectionKeys]
    .map(({ key }) => (level === "server.http." ? key.replace("server.*.", "server.http.") : key))
    .filter((key) => key.startsWith(level) && (level !== "" || !auth.test(key)))
    .map((key) => key.slice(level.length).split(".")[0] ?? "");
  return [...new Set(keys)];
}

test("the list of keys has the actual defaults, for every key", () => {
  const listed = extensionKeys.filter(
    ({ key }) => !key.startsWith("server.") && !/^\w+(auth|client|setter)\./.test(key),
  );
  expect(listed.map(({ key }) => key)).toEqual(Object.keys(rows));
  for (const { key, default: words } of listed) {
    const row = rows[key];
    if (typeof row?.default === "boolean") expect(words).toBe(String(row.default));
  }
});

describe("keys that depend on others", () => {
  test("the raw config needs the effective one", () => {
    const block = {
      ...serverWith("ws", {}),
      reports_raw_config: true,
      capabilities: { reports_effective_config: false },
    };
    expect(refused(block)).toMatchObject({
      message: "reports_raw_config: needs the effective config to be reported",
      hint: expect.stringContaining("capabilities.reports_effective_config"),
    });
  });

  test.each([0, "-1s", null])("a ppid_poll_interval of %j is refused", (ppid_poll_interval) => {
    const message = "ppid_poll_interval: must be above 0";
    expect(refused({ ...serverWith("ws", {}), ppid: 1, ppid_poll_interval })).toMatchObject({ message });
    expect(readExtensionConfig({ ...serverWith("ws", {}), ppid_poll_interval }).ppid).toBe(0);
  });

  test("a restart on Windows requires a handler of the program's own", () => {
    const block = blockWith("capabilities.accepts_restart_command", true);
    expect(refused(block, { platform: "win32" }).message).toBe(
      "capabilities.accepts_restart_command: remote restart functionality is not available on the windows operating system",
    );
    const config = readExtensionConfig(block, { platform: "win32", ownRestart: true });
    expect(config.capabilities.acceptsRestartCommand).toBe(true);
    expect(readExtensionConfig(block, { platform: "darwin" }).capabilities.acceptsRestartCommand).toBe(true);
  });
});

describe("an unknown key is refused at every level, with the nearest known one", () => {
  const slips: readonly [path: string, meant: string][] = [
    ["instanceUid", "instance_uid"],
    ["server.wss", "ws"],
    ["server.ws.endpont", "endpoint"],
    ["server.ws.tls.cafile", "ca_file"],
    ["server.ws.tls.tpm.enable", "enabled"],
    ["server.http.pollinginterval", "polling_interval"],
    ["capabilities.report_health", "reports_health"],
    ["agent_description.non_identifying_atributes", "non_identifying_attributes"],
  ];
  for (const [path, meant] of slips) {
    test(path, () => {
      const block = path.split(".").slice(0, -1).join(".") || "config";
      const given = blockWith(path, SECRET);
      const transport = /^server\.(ws|http)\./.exec(path)?.[1];
      const whole =
        transport === undefined ? given : put(given, ["server", transport, "endpoint"], `${transport}://h/`);
      expect(refused(whole)).toMatchObject({
        message: `${block}: unknown key "${path.split(".").at(-1)}". Did you mean "${meant}"?`,
        hint: `write ${meant}`,
      });
    });
  }

  test("and with all valid ones if none is near", () => {
    const { message, hint } = refused(blockWith("colour", SECRET));
    expect(message).toBe('config: unknown key "colour"');
    expect(hint).toMatch(
      /^valid keys: connection_settings, server, instance_uid, capabilities, reports_raw_config, agent_description, ppid/,
    );
  });
});
