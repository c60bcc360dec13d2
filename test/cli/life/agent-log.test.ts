import { expect, test } from "vitest";
import { builtCommand } from "../agent-work.js";

const built = builtCommand();
const SECRET = "tok-4711";

test("every line of a JSON log has a time, a level and a message, and no secret", async () => {
  const { server, work } = await built.begin();
  const command = `printf 'first line\\nkey=%s\\n' "token=${SECRET}"; exit 1`;
  work.configure({
    server: { ws: { endpoint: server.url.replace("ws://", `ws://user:${SECRET}@`), headers: { "X-Key": SECRET } } },
    remote_config: { command },
    agent_description: { non_identifying_attributes: { team: `\${env:TEAM_NOT_SET}` } },
  });
  const agent = work.start({ args: ["--log-format", "json", "--log-level", "debug"] });
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": `token: ${SECRET}\n` });
  await agent.line(/"warn".*failed/);
  expect(await agent.end()).toBe(0);
  const lines = agent.log.split("\n").map((line) => JSON.parse(line) as Record<string, string>);
  for (const line of lines) {
    expect(Object.keys(line).slice(0, 3)).toEqual(["time", "level", "message"]);
    expect(line["time"]).toBe(new Date(line["time"] ?? "").toISOString());
    expect(["debug", "info", "warn", "error"]).toContain(line["level"]);
  }
  expect(lines.map(({ message }) => message)).toContainEqual(expect.stringMatching(/TEAM_NOT_SET, which is not set/));
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "debug", message: expect.stringMatching(/: first line$/) }),
  );
  const connected = lines.findIndex(({ message }) => message?.startsWith("Connected"));
  for (const line of lines.slice(connected)) expect(line["instance_uid"]).toBe([...server.agents.keys()][0]);
  const hash = Buffer.from(seen.remoteConfig?.hash ?? []).toString("hex");
  const ofOffer = lines.filter((line) => line["hash"] === hash).map(({ message }) => message);
  for (const words of ["applying", "in use on trial", ": first line", "failed"]) {
    expect(ofOffer).toContainEqual(expect.stringContaining(words));
  }
  expect(agent.log).not.toContain(SECRET);
});

test("only lines of the requested level are logged, and the command line overrides the file", async () => {
  const { server, work } = await built.begin();
  work.configure({ remote_config: { validate_command: "exit 3" }, log: { level: "debug", format: "json" } });
  const agent = work.start({ args: ["--log-level", "warn", "--log-format", "text"] });
  const seen = await server.firstAgent();
  seen.offerConfig({ "a.yaml": "x: 1\n" });
  await agent.line(/WARN {2}Remote config \w+ failed: `exit 3` ended with exit code 3 /);
  expect(await agent.end()).toBe(0);
  expect(agent.log.split("\n").filter((line) => !/^\S+ (WARN|ERROR)/.test(line))).toEqual([]);
});

test("a state directory that cannot be used is logged, and the agent runs without one", async () => {
  const { server, work } = await built.begin();
  work.configure({ storage: { directory: `${work.write("file", "")}/state` } });
  const agent = work.start();
  const seen = await server.firstAgent();
  await seen.until(({ health }) => health?.healthy === true);
  expect(await agent.end()).toBe(0);
  expect(agent.log).toMatch(/^\S+ WARN {2}\S+\/file\/state cannot be read: /);
});

test("the line that introduces the agent names its server, also as a field, and the proxy on the way", async () => {
  const { work } = await built.begin();
  const endpoint = "ws://opamp.example.com:4320/v1/opamp";
  work.configure({ server: { ws: { endpoint } }, connection_settings: { accept: true } });
  const env = { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "", NO_PROXY: "", no_proxy: "" };
  const agent = work.start({ args: ["--log-format", "json"], env });
  const line: Record<string, string> = JSON.parse(await agent.line(/Agent .* for/));
  expect(line["message"]).toContain(` for ${endpoint} (through the proxy 127.0.0.1:1): state in `);
  expect(line["endpoint"]).toBe(endpoint);
  const failed: Record<string, string> = JSON.parse(await agent.line(/Connection failed/));
  expect(failed["endpoint"]).toBe(endpoint);
  expect(await agent.end()).toBe(0);
});
