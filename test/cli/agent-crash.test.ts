import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { RemoteConfigStatuses } from "../../src/gen/opamp/v1/opamp_pb.js";
import type { OpAMPServer, ServerAgent } from "../../src/testing/index.js";
import { litter, visible } from "../agent/config-directory/folder.js";
import { crashPoints } from "../end-to-end/crash/crash-points.js";
import type { AgentProcess } from "./agent-process.js";
import { builtCommand, type Transport, type Work } from "./agent-work.js";

const built = builtCommand();
const OWN = { "notes.txt": "never offered\n" };
const OLD = { "a.yaml": "a: old\n", "conf.d/b.yaml": "b: old\n", "old.yaml": "o: old\n" };
const NEW = { "a.yaml": "a: new\n", "conf.d/b.yaml": "b: new\n", "c.yaml": "c: new\n" };

/** Dies once where a file says so. Its parent is the agent. */
const DIE = "if [ -e $WORK/deadly ]; then rm $WORK/deadly; kill -9 $PPID; fi";
/** Takes what is in the directory: all of it, one file after the other. */
const TAKE = "cd $OPAMP_CONFIG_DIR && cat a.yaml conf.d/b.yaml *.yaml > $WORK/program";

/** What the program has when it took a configuration. */
function taken({ "conf.d/b.yaml": b, ...files }: Record<string, string>): string {
  const names = Object.keys(files).sort();
  return (files["a.yaml"] ?? "") + b + names.map((name) => files[name]).join("");
}

interface Place {
  work: Work;
  server: OpAMPServer;
  /** The agent as its new server sees it. */
  seen: ServerAgent;
}

let template: Promise<{ folder: string; uid: string }> | undefined;

/** What an agent leaves that applied the old config and was ended in good order. */
async function makeTemplate(): Promise<{ folder: string; uid: string }> {
  const folder = mkdtempSync(join(tmpdir(), "opamp-crash-"));
  const { server, work } = await built.begin();
  work.write("config/notes.txt", OWN["notes.txt"]);
  work.configure({ remote_config: { command: TAKE } });
  const agent = start(work);
  const seen = await server.firstAgent();
  seen.offerConfig({ "first.yaml": "f: 1\n", ...OLD });
  await seen.until((one) => one.hasApplied());
  seen.offerConfig(OLD);
  await seen.until((one) => one.hasApplied());
  expect(await agent.end()).toBe(0);
  cpSync(work.folder, folder, { recursive: true, verbatimSymlinks: true });
  return { folder, uid: seen.uidText };
}

afterAll(async () => rmSync((await template)?.folder ?? "", { recursive: true, force: true }));

function start(work: Work, killOn?: string): AgentProcess {
  const env = { WORK: work.folder };
  if (killOn === undefined) return work.start({ env });
  return work.start({ env: { ...env, KILL_ON: killOn }, preload: built.killAt });
}

/** The old config is in use, and a new server offers another one as soon as the agent speaks. */
async function place(remote: object, transport?: Transport, files: Record<string, string> = NEW): Promise<Place> {
  template ??= makeTemplate();
  const { folder, uid } = await template;
  const { server, work } = await built.begin(transport);
  cpSync(folder, work.folder, { recursive: true, verbatimSymlinks: true });
  work.configure({ remote_config: remote });
  const seen = server.agent(uid);
  seen.offerConfig(files);
  return { work, server, seen };
}

/** Whatever is seen twice in a row was there as a whole. @returns what ends that, and has all that was seen */
function watch(work: Work): () => Record<string, string>[] {
  const found = new Map<string, Record<string, string>>();
  const timer = setInterval(() => {
    const [one, two] = [look(work), look(work)];
    if (one !== undefined && JSON.stringify(one) === JSON.stringify(two)) found.set(JSON.stringify(one), one);
  }, 5);
  onTestFinished(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return [...found.values()];
  };
}

/** What can be opened; nothing where that changed in the middle of the look. */
function look(work: Work): Record<string, string> | undefined {
  try {
    return visible(work.directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Starts the agent again: it, its files, its program and its server come to the new config. */
async function checkRecovery({ work, server, seen }: Place): Promise<void> {
  const wholes = [
    { ...OWN, ...OLD },
    { ...OWN, ...NEW },
  ];
  expect(wholes).toContainEqual(visible(work.directory));
  const seenFiles = watch(work);
  const again = start(work);
  await seen.until((one) => one.hasApplied() && one.effectiveFiles["c.yaml"] !== undefined);
  for (const files of seenFiles()) expect(wholes).toContainEqual(files);
  expect(visible(work.directory)).toEqual({ ...OWN, ...NEW });
  expect(work.read("program")).toBe(taken(NEW));
  const effective = Object.entries(seen.effectiveFiles).map(([name, file]) => [name, file.text()]);
  expect(Object.fromEntries(effective)).toEqual(NEW);
  expect([...server.agents.keys()]).toEqual([(await template)?.uid]);
  expect(await again.end()).toBe(0);
  expect(litter(work.directory)).toEqual([]);
}

/** Where the agent dies: when it is about to change the file system so, with half of that done where it can be. */
const CHANGES: readonly [when: string, change: string, transport?: Transport][] = [
  ["before anything is written", "^mkdir .*/tmp/[0-9a-f-]{36}$"],
  ["in the middle of a file", "^write .*/files/a\\.yaml$"],
  ["between two files", "^open .*/files/conf\\.d/b\\.yaml$"],
  ["between two files", "^open .*/files/conf\\.d/b\\.yaml$", "http"],
  ["after it was written, and before it is in use", "^rename .*/\\.opamp/opamp-config/current$"],
  ["when it is in use, and before the command", "^rm .*/config/old\\.yaml$"],
  ["after the command, and before it is kept", "^rm .*/opamp-config/trial\\.json$"],
  ["when it is kept, and before the agent has noted that", "^open .*/state/config-"],
];

for (const [when, change, transport] of crashPoints(CHANGES)) {
  test(`an agent killed ${when}${transport === undefined ? "" : " over HTTP"} applies the new config after a restart`, async () => {
    const there = await place({ command: TAKE }, transport);
    expect(await start(there.work, change).ended).toBe("SIGKILL");
    await checkRecovery(there);
  });
}

for (const [when, remote, transport] of [
  ["while the config is validated", { validate_command: DIE, command: TAKE }],
  ["by the command before the program took the config", { command: `${DIE}; ${TAKE}` }],
  ["by the command when the program took the config", { command: `${TAKE}; ${DIE}` }],
  ["by the command when the program took the config", { command: `${TAKE}; ${DIE}` }, "http"],
] as const) {
  test(`an agent killed ${when}${transport === undefined ? "" : " over HTTP"} applies the new config after a restart`, async () => {
    const there = await place(remote, transport);
    there.work.write("deadly", "");
    expect(await start(there.work).ended).toBe("SIGKILL");
    await checkRecovery(there);
  });
}

test("a config that killed the agent three times is refused and reported until another one comes", async () => {
  const deadly = { ...OLD, "a.yaml": "a: deadly\n" };
  const command = `${TAKE}; if grep -q deadly $WORK/program; then kill -9 $PPID; fi`;
  const { work, seen } = await place({ command }, "ws", deadly);
  for (let count = 0; count < 3; count += 1) {
    expect(await start(work).ended).toBe("SIGKILL");
    expect([OLD, deadly].map((files) => ({ ...OWN, ...files }))).toContainEqual(visible(work.directory));
  }
  const agent = start(work);
  await seen.until((one) => one.remoteConfig?.status === "failed");
  expect(seen.remoteConfig?.error).toBe("the agent died 3 times while applying this configuration");
  expect(visible(work.directory)).toEqual({ ...OWN, ...OLD });
  expect(work.read("program")).toBe(taken(OLD));
  expect(agent.count(/WARN {2}Recovered .*was on trial; went back to /)).toBe(1);
  seen.offerConfig(NEW);
  await seen.until((one) => one.hasApplied());
  expect(visible(work.directory)).toEqual({ ...OWN, ...NEW });
});

test("an agent stopped during recovery tells the program about the config in use at the next start", async () => {
  const { work, seen } = await place({ command: `${TAKE}; kill -9 $PPID` });
  expect(await start(work).ended).toBe("SIGKILL");
  expect(work.read("program")).toBe(taken(NEW));
  work.configure({ remote_config: { command: "echo slow; exec sleep 60" }, log: { level: "debug" } });
  const slow = start(work);
  await slow.line(/: slow$/);
  expect(await slow.end()).toBe(0);
  expect(visible(work.directory)).toEqual({ ...OWN, ...OLD });
  seen.withdrawConfig();
  work.configure({ remote_config: { command: TAKE } });
  const again = start(work);
  await again.line(/Connected/);
  expect(visible(work.directory)).toEqual({ ...OWN, ...OLD });
  expect(work.read("program")).toBe(taken(OLD));
});

test("an agent that is stopped and started again keeps its uid and status, and applies nothing again", async () => {
  const { work, server, seen } = await place({ command: `${TAKE}; echo taken >> $WORK/count` }, "ws", OLD);
  start(work);
  await seen.until((one) => one.reported.effectiveConfig !== undefined);
  const [first] = seen.received;
  expect(first?.remoteConfigStatus?.status).toBe(RemoteConfigStatuses.RemoteConfigStatuses_APPLIED);
  expect([...server.agents.keys()]).toEqual([seen.uidText]);
  // It was offered in the first answer, unless the status came before.
  seen.requestFullState();
  await seen.until(({ received }) => received.at(-1)?.agentDescription !== undefined && received.length > 1);
  expect(seen.hasApplied()).toBe(true);
  expect(() => work.read("count")).toThrow("ENOENT");
});

test("an agent started without its config directory does not report its config as applied, and is offered it again", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: {} });
  const first = work.start();
  const seen = await server.firstAgent();
  seen.offerConfig(OLD);
  await seen.until((one) => one.hasApplied());
  expect(await first.end()).toBe(0);
  rmSync(work.directory, { recursive: true });
  const second = work.start();
  await second.line(
    /WARN {2}\S+\/config does not have the configuration that was applied last: it may be offered again/,
  );
  await second.line(/INFO {2}Remote config \w+ applied/);
  expect(visible(work.directory)).toEqual(OLD);
  await seen.until((one) => one.hasApplied());
  expect(await second.end()).toBe(0);
});

test("an agent started without its config directory takes a config without a hash again", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: {} });
  const offer = () =>
    seen.send({ remoteConfig: { config: { configMap: { "main.yaml": { body: Buffer.from("a: 1") } } } } });
  const first = work.start();
  const seen = await server.firstAgent();
  offer();
  await first.line(/INFO {2}Remote config without a hash applied/);
  expect(await first.end()).toBe(0);
  rmSync(work.directory, { recursive: true });
  const second = work.start();
  await second.line(/does not have the configuration that was applied last/);
  offer();
  await second.line(/INFO {2}Remote config without a hash applied/);
  expect(visible(work.directory)).toEqual({ "main.yaml": "a: 1" });
  expect(await second.end()).toBe(0);
});
