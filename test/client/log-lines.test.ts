import { expect, test } from "vitest";
import { OpAMPClient } from "../../src/index.js";
import { memoryTransport, OpAMPServer, virtualClock } from "../../src/testing/index.js";

/** What a client logs from its start to its end, a line each, on virtual time. */
async function linesOf(story: (scene: Scene) => Promise<void>, duplex = true): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger = { debug: () => {}, info: log("info"), warn: log("warn"), error: log("error") };
  const server = await OpAMPServer.start();
  const clock = virtualClock();
  const transport = memoryTransport(server, { duplex });
  const client = new OpAMPClient({
    transport,
    clock,
    logger,
    random: () => 0,
    description: { identifying: { "service.name": "agent" } },
    remoteConfig: {
      apply(config) {
        if (config.files["a.yaml"] === undefined) throw new Error("there is no a.yaml");
      },
    },
  });
  await story({ server, clock, transport, client });
  const stopped = client.stop();
  await clock.advance(2_000);
  await stopped;
  await server.close();
  return lines;
}

interface Scene {
  server: OpAMPServer;
  clock: ReturnType<typeof virtualClock>;
  transport: ReturnType<typeof memoryTransport>;
  client: OpAMPClient;
}

test("a failed attempt is one line that says why, what to do and when the next one is", async () => {
  const lines = await linesOf(async ({ clock, transport, client }) => {
    transport.refuse(1);
    client.start();
    await clock.advance(100);
  });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^warn: Connection failed \(.+; .+\), will retry in 1\.\d s\.$/);
  expect(lines[1]).toBe("info: Client is stopped, will not try anymore.");
});

test("a connection is one line, an offer one for each of its states, and a pause says who asked for it", async () => {
  const lines = await linesOf(async ({ server, clock, client }) => {
    client.start();
    const agent = server.agent(client.instanceUid);
    await clock.advance(10);
    agent.offerConfig({ "b.yaml": "x" }, { hash: Uint8Array.of(0xab) });
    await clock.advance(10);
    agent.respondWithError(2, "too many agents", 5_000_000_000n);
    client.setHealth({ healthy: true });
    await clock.advance(10);
  });
  expect(lines).toEqual([
    "info: Connected to the OpAMP server",
    "info: Remote config ab applying",
    expect.stringMatching(/^warn: remoteConfig\.apply failed: there is no a\.yaml \(.+\)$/),
    "warn: Remote config ab failed: there is no a.yaml",
    "warn: Server returned an error response (unavailable): too many agents",
    expect.stringMatching(/^info: The server asked for a pause, will connect again in 5\.\d s\.$/),
    "info: Client is stopped, will not try anymore.",
  ]);
});

test("an answer for another agent is told once as an error, and the retry says why", async () => {
  const codes: string[] = [];
  const lines = await linesOf(async ({ server, clock, client }) => {
    client.on("error", ({ code }) => codes.push(code));
    client.start();
    const agent = server.agent(client.instanceUid);
    await clock.advance(10);
    agent.send({ instanceUid: new Uint8Array(16).fill(9) });
    client.setDescription({ identifying: { "service.name": "renamed" } });
    await clock.advance(10);
  }, false);
  expect(codes).toEqual(["ERR_OPAMP_FOREIGN_UID"]);
  expect(lines.slice(1, 3)).toEqual([
    expect.stringMatching(/^warn: dropped a message for 0909/),
    expect.stringMatching(
      /^warn: Connection failed \(the answer was for another agent; .+\), will retry in \d\.\d s\.$/,
    ),
  ]);
});
