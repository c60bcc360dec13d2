import { expect, test } from "vitest";
import { agentLog } from "../../../src/cli/agent-log.js";
import { logError, withFields } from "../../../src/diagnostics/logger.js";
import { OpAMPError } from "../../../src/errors.js";
import type { LogFields, Logger } from "../../../src/index.js";
import { hosted } from "../hosted.js";

const HASH = "ab01cd23".repeat(8);

/** Has a client fail to connect, connect, and be given an offer that fails. */
async function story(logger: Logger): Promise<string> {
  const { agent, client, clock, transport } = await hosted({
    logger,
    remoteConfig: {
      apply() {
        throw new Error("no");
      },
    },
  });
  transport.refuse(1);
  client.start();
  await clock.advance(60_000);
  agent.offerConfig({ a: "1" }, { hash: Buffer.from(HASH, "hex") });
  await clock.advance(10);
  return client.instanceUid;
}

test("a logger with `entry` is given the code, the instance uid and the hash of an offer as fields", async () => {
  const entries: [string, LogFields][] = [];
  const never = () => {
    throw new Error("called beside entry");
  };
  const entry: Logger["entry"] = (_, message, fields) => void entries.push([message, fields]);
  const instanceUid = await story({ debug: never, info: never, warn: never, error: never, entry });
  const fieldsOf = (text: string) => entries.find(([message]) => message.includes(text))?.[1];
  expect(fieldsOf("Connection failed")).toEqual({ instanceUid, code: "ERR_OPAMP_CONNECT" });
  expect(fieldsOf("Connected")).toEqual({ instanceUid });
  expect(fieldsOf("applying")).toEqual({ instanceUid, hash: HASH });
  expect(fieldsOf("failed: no")).toEqual({ instanceUid, hash: HASH });
});

test("a logger without `entry` is given one text, with the code of an error and the first digits of a hash in it", async () => {
  const calls: unknown[][] = [];
  const note = (...args: unknown[]) => void calls.push(args);
  await story({ debug: note, info: note, warn: note, error: note });
  expect(calls.filter(({ length }) => length !== 1)).toEqual([]);
  expect(calls.flat()).toContainEqual(
    expect.stringMatching(/^Connection failed \(.+; ERR_OPAMP_CONNECT\), will retry/),
  );
  expect(calls.flat()).toContain("Remote config ab01cd23 failed: no");
});

test("lines of the agent's log have the fields, in text only where the text does not say them", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line.replace(/^\S+Z /, ""));
  const text = withFields(agentLog({ format: "text", level: "info", write }), () => ({ instanceUid: "u1" }));
  text.info("all is well");
  text.info("agent u1 starts");
  text.debug("too much");
  logError(text, "warn", new OpAMPError("ERR_OPAMP_STORE", "full", { hint: "make room" }));
  expect(lines).toEqual([
    "INFO  all is well instance_uid=u1",
    "INFO  agent u1 starts",
    "WARN  full (make room) (ERR_OPAMP_STORE) instance_uid=u1",
  ]);
  lines.length = 0;
  const ofOffer = withFields(agentLog({ format: "text", level: "info", write }), () => ({ hash: HASH }));
  for (const line of ["Rolled back to version 3", "Remote config ab01cd23 applied"]) ofOffer.info(line);
  expect(lines).toEqual(["INFO  Rolled back to version 3 hash=ab01cd23", "INFO  Remote config ab01cd23 applied"]);
  lines.length = 0;
  const json = withFields(agentLog({ format: "json", level: "info", write, wallNow: () => 0 }), () => ({ hash: HASH }));
  logError(json, "error", new OpAMPError("ERR_OPAMP_STORE", "full", { hint: "make room" }), "Stopped: ");
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "error",
    message: "Stopped: full (make room) (ERR_OPAMP_STORE)",
    code: "ERR_OPAMP_STORE",
    hash: HASH,
  });
});

test("a wait that is over at once is not given in seconds", async () => {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const { client, clock, transport } = await hosted({
    logger: { debug: note, info: note, warn: note, error: note },
    backoff: { minMs: 1, maxMs: 2 },
  });
  transport.refuse(1);
  client.start();
  await clock.advance(100);
  expect(lines).toContainEqual(expect.stringMatching(/, will retry at once\.$/));
});
