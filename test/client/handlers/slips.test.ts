import { describe, expect, test } from "vitest";
import { restartBySignal } from "../../../src/extension/index.js";
import { effectiveConfig, OpAMPClient, type OpAMPClientOptions } from "../../../src/index.js";
import { toEffectiveConfig } from "../../../src/values/config-files.js";
import { running } from "../hosted.js";
import { refusal } from "../refusal.js";

const description = { identifying: { "service.name": "guest" } };

/** What JavaScript lets people write; the types refuse most of it. */
function client(options: object): OpAMPClient {
  return new OpAMPClient({ url: "ws://127.0.0.1:1", description, ...options });
}

describe("a member that is not known is refused with the one that was meant:", () => {
  test.each([
    [{ description: { ...description, nonidentifying: {} } }, "description.nonidentifying", "nonIdentifying"],
    [
      { description: { ...description, identifying_attributes: {} } },
      "description.identifying_attributes",
      "identifying",
    ],
    [
      { description: () => ({ ...description, attributes: {} }) },
      "description.attributes",
      "identifying or nonIdentifying",
    ],
    [{ health: { healthy: true, last_error: "x" } }, "health.last_error", "lastError"],
    [{ health: { healthy: true, error: "x" } }, "health.error", "lastError"],
    [
      { health: { healthy: true, components: { a: { healthy: true, component: {} } } } },
      'health.components["a"].component',
      "components",
    ],
    [{ availableComponents: { a: { metdata: {} } } }, 'availableComponents["a"].metdata', "metadata"],
    [{ remoteConfig: { apply: () => undefined, valdate: () => undefined } }, "remoteConfig.valdate", "validate"],
  ])("%j", (options, path, meant) => {
    const { message, code } = refusal(() => client(options));
    expect(code).toBe("ERR_OPAMP_OPTION");
    expect(message.startsWith(`${path}: is not an option. Did you mean ${meant}?`)).toBe(true);
  });

  test.each([
    [{ body: "a: 1", content_type: "text/yaml" }, "content_type", "contentType"],
    [{ body: "a: 1", contenttype: "text/yaml" }, "contenttype", "contentType"],
    [{ content: "a: 1" }, "content", "body"],
  ])("%j as a file of the effective config", (file: object, key, meant) => {
    const files = { "a.yaml": file } as Parameters<typeof toEffectiveConfig>[0];
    const text = `effectiveConfig["a.yaml"].${key}: is not an option. Did you mean ${meant}?`;
    expect(refusal(() => toEffectiveConfig(files)).message).toContain(text);
  });

  test("but an object of a class may have fields of its own", () => {
    class Own {
      readonly identifying = description.identifying;
      readonly healthy = true;
      readonly body = "a: 1";
      readonly other = 1;
    }
    expect(() => client({ description: new Own(), health: new Own() })).not.toThrow();
    expect(() => toEffectiveConfig({ a: new Own() })).not.toThrow();
  });
});

describe("an attribute among the members of the description is refused with the place where it belongs:", () => {
  test.each([
    ["service.name", "put attributes under identifying"],
    ["service.instance.id", "put attributes under identifying"],
    ["os.type", "put attributes under identifying or nonIdentifying"],
  ])("%s", (name, hint) => {
    for (const own of [{ [name]: "x" }, { ...description, [name]: "x" }]) {
      const refused = refusal(() => client({ description: own }));
      expect(refused).toMatchObject({ code: "ERR_OPAMP_OPTION", hint });
      expect(refused.message).toBe(`description["${name}"]: is an attribute, not an option`);
    }
  });

  test("and any other name that is not a word is shown in brackets", () => {
    const health = { healthy: true, "last error": "x" };
    expect(refusal(() => client({ health })).message).toMatch(/^health\["last error"\]: is not an option/);
    expect(refusal(() => client({ "my option": 1 })).message).toMatch(/^\["my option"\]: is not an option/);
  });
});

/** A client that tells what it logs and emits. */
async function told(options: Partial<OpAMPClientOptions>) {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const host = await running({
    logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    ...options,
  });
  return { ...host, lines };
}

/** A function that forgets to return, which the types would refuse. */
function forgetful<T>(): T {
  return undefined as T;
}

describe("a function that forgets to return is an error event and a log line that say what is missed:", () => {
  test("effectiveConfig", async () => {
    const { errors, lines, agent } = await told({ effectiveConfig: async () => forgetful() });
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    expect(lines).toEqual([
      expect.stringMatching(
        /^effectiveConfig failed: .*must be a record of files such as \{ "agent\.yaml": \{ body \} \}, not undefined/,
      ),
    ]);
    // The report goes out all the same.
    expect(agent.attributes.identifying).toEqual(description.identifying);
  });

  test("description, once the agent is renamed", async () => {
    let calls = 0;
    const { errors, lines, agent, clock } = await told({
      description: () => {
        calls += 1;
        return calls > 2 ? forgetful() : description;
      },
    });
    agent.assignUid(new Uint8Array(16).fill(7));
    await clock.advance(0);
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    expect(lines.join("\n")).toMatch(
      /description failed: .*must be an object such as \{ identifying \}, not undefined/,
    );
    expect(refusal(() => client({ description: forgetful })).message).toMatch(/^description: must be an object/);
  });
});

test("a restart that fails is an error event and a log line, also of a client without health", async () => {
  const {
    errors,
    lines,
    agent,
    clock,
    client: restarted,
  } = await told({
    restart: () => Promise.reject(new Error("no such unit")),
  });
  agent.restart();
  await clock.advance(0);
  expect(restarted.capabilities.has("reportsHealth")).toBe(false);
  expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
  expect(lines).toEqual([expect.stringMatching(/^restart failed: no such unit \(/)]);
});

describe("the log says what to do about", () => {
  test("a failure of which the handler knows that itself", async () => {
    const { lines, agent, clock } = await told({
      restart: restartBySignal({ process: { platform: "linux", pid: 1, listenerCount: () => 0, kill: () => true } }),
    });
    agent.restart();
    await clock.advance(0);
    expect(lines.join()).toMatch(/nobody listens for SIGHUP.*\(listen with process\.on\("SIGHUP", \.\.\.\)/);
  });

  test("a file of the effective config that is not there yet", async () => {
    const read = () => Promise.reject(new Error("ENOENT: no such file"));
    const { lines } = await told({ effectiveConfig: effectiveConfig({ name: "agent.yaml", read }) });
    expect(lines).toEqual([
      expect.stringMatching(/"agent\.yaml" could not be read: ENOENT.* \(reports go without it until it is read again/),
    ]);
  });

  test("a handler that throws anything else", async () => {
    const { lines, agent, clock } = await told({ restart: () => Promise.reject(new Error("no such unit")) });
    agent.restart();
    await clock.advance(0);
    expect(lines.join()).toContain("(the client goes on; `cause` has what the handler threw)");
  });
});

describe("a call without the option that it is about is refused with the option's name:", () => {
  const options = { description };
  test.each([
    ["refreshEffectiveConfig", "effectiveConfig"],
    ["retryConnectionSettings", "connectionSettings"],
    ["forgetConnectionSettings", "connectionSettings"],
    ["requestCertificate", "connectionSettings.certificates"],
  ] as const)("%s without %s", async (call, option) => {
    const one = client(options);
    const { code, message, hint } = refusal(() => one[call]());
    expect([code, message]).toEqual(["ERR_OPAMP_OPTION", `${call}: has no effect without \`${option}\``]);
    expect(hint).toContain(`give the \`${option}\` option`);
    await one.stop();
    expect(refusal(() => one[call]()).code).toBe("ERR_OPAMP_STOPPED");
  });
});
