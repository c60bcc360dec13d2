import { expect, test } from "vitest";
import { OpAMPClient, type OpAMPClientOptions, OpAMPError, type Sink } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, virtualClock } from "../../../src/testing/index.js";
import { encodeServerToAgent } from "../../../src/wire/codec.js";

/** What a client logs from its start to its end, a line each, on virtual time. */
async function linesOf(
  story: (scene: Scene) => Promise<void>,
  { duplex = true, ...options }: Partial<OpAMPClientOptions> & { duplex?: boolean } = {},
): Promise<readonly string[]> {
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
    ...options,
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

/** What a transport reports to, once it has been opened. */
function listening(transport: Scene["transport"]): () => Sink {
  const sinks: Sink[] = [];
  const open = transport.open.bind(transport);
  transport.open = (sink) => {
    sinks.push(sink);
    open(sink);
  };
  return () => {
    const sink = sinks.at(-1);
    if (sink === undefined) throw new Error("the transport has not been opened");
    return sink;
  };
}

test("a failed attempt is one line that says why, what to do and when the next one is", async () => {
  const lines = await linesOf(async ({ clock, transport, client }) => {
    transport.refuse(1);
    client.start();
    await clock.advance(100);
  });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^warn: Connection failed \(.+; .+\), will retry in \d+(\.\d)? s\.$/);
  expect(lines[1]).toBe("info: Client stopped.");
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
    "info: Connected to the OpAMP server over memory",
    "info: Remote config ab applying",
    "warn: Remote config ab failed: there is no a.yaml",
    "warn: Server returned an error response (unavailable): too many agents",
    expect.stringMatching(/^info: The server asked for a pause, will connect again in \d+(\.\d)? s\.$/),
    "info: Client stopped.",
  ]);
});

test("an answer for another agent is logged once as an error, and the retry gives the reason", async () => {
  const codes: string[] = [];
  const lines = await linesOf(
    async ({ server, clock, client }) => {
      client.on("error", ({ code }) => codes.push(code));
      client.start();
      const agent = server.agent(client.instanceUid);
      await clock.advance(10);
      agent.send({ instanceUid: new Uint8Array(16).fill(9) });
      client.setDescription({ identifying: { "service.name": "renamed" } });
      await clock.advance(10);
    },
    { duplex: false },
  );
  expect(codes).toEqual(["ERR_OPAMP_FOREIGN_UID"]);
  expect(lines.slice(1, 3)).toEqual([
    expect.stringMatching(/^warn: dropped a message for 0909/),
    expect.stringMatching(
      /^warn: Connection failed \(the answer was for another agent; .+\), will retry in \d+(\.\d)? s\.$/,
    ),
  ]);
});

/** The time of day, as lines show it. */
const clockTime = (ms: number): string => new Date(ms).toTimeString().slice(0, 5);

test("a server that stays down is logged at growing intervals with a count", async () => {
  const start = Date.UTC(2026, 0, 1);
  const lines = await linesOf(async ({ clock, transport, client }) => {
    transport.refuse(1_000_000);
    client.start();
    await clock.advance(3_600_000);
  });
  const failures = lines.filter((line) => line.startsWith("warn: Connection failed"));
  // At once, then after a minute, two, four, eight, sixteen and thirty-two at the least.
  expect(failures).toHaveLength(6);
  expect(failures[0]).toMatch(/will retry in \d+(\.\d)? s\.$/);
  expect(failures[1]).toMatch(new RegExp(`will retry in .+ s\\. \\(\\d+ times since ${clockTime(start)}\\)$`));
  const told = failures.map((line) => Number(/\((\d+) times/.exec(line)?.[1] ?? 1));
  expect(told.reduce((sum, times) => sum + times)).toBeGreaterThan(30);
  expect(told.at(-1)).toBeGreaterThan(10);
});

test("another failure is logged at once, and so is recovery, with its duration", async () => {
  const lines = await linesOf(async ({ clock, transport, client }) => {
    transport.refuse(5);
    client.start();
    await clock.advance(900);
    const { open } = transport;
    transport.open = (sink) => {
      transport.open = open;
      const error = new OpAMPError("ERR_OPAMP_TLS", "the certificate has expired");
      sink.lost({ error, fate: "unsent", orderly: true, throttled: false });
    };
    await clock.advance(600_000);
  });
  expect(lines).toEqual([
    expect.stringMatching(/^warn: Connection failed \(.*refused/),
    expect.stringMatching(/^warn: Connection failed \(the certificate has expired; check the certificates/),
    expect.stringMatching(/^warn: Connection failed \(.*refused.* times since \d\d:\d\d\)$/),
    expect.stringMatching(/^info: Connected to the OpAMP server over memory, after 7 attempts in \d+ min$/),
    "info: Client stopped.",
  ]);
});

test("a failure at another port is another one, and one with another number is not", async () => {
  const texts = ["10.0.0.1:54321 refused", "10.0.0.1:54322 refused", "request 12345 failed", "request 12346 failed"];
  const lines = await linesOf(async ({ clock, transport, client }) => {
    const left = [...texts];
    transport.open = (sink) => {
      const error = new OpAMPError("ERR_OPAMP_CONNECT", left.shift() ?? "request 12347 failed");
      sink.lost({ error, fate: "unsent", orderly: true, throttled: false });
    };
    client.start();
    await clock.advance(20_000);
  });
  const told = lines.flatMap((line) => /Connection failed \(([^;]+);/.exec(line)?.[1] ?? []);
  expect(told).toEqual(texts.slice(0, 3));
});

test("a connection that flaps is not logged twice each time, and the last line is current", async () => {
  const lines = await linesOf(async ({ clock, transport, client }) => {
    client.start();
    for (let round = 0; round < 20; round += 1) {
      await clock.advance(20_000);
      transport.drop();
    }
    await clock.advance(20_000);
    expect(client.phase).toBe("online");
  });
  const links = lines.filter((line) => /Connect/.test(line));
  expect(links.length).toBeLessThan(12);
  expect(links.at(-1)).toMatch(/^info: Connected/);
});

test("a server that repeats a message does not flood the log, however each one differs", async () => {
  const kinds = ["dropped a message for", "Server returned an error", "not a valid ServerToAgent", "Ignoring"];
  const debug: string[] = [];
  const lines = await linesOf(
    async ({ server, clock, transport, client }) => {
      const sinkOf = listening(transport);
      client.start();
      const agent = server.agent(client.instanceUid);
      await clock.advance(10);
      for (let round = 0; round < 300; round += 1) {
        agent.send({ instanceUid: new Uint8Array(16).fill(1 + (round % 200)) });
        agent.send({ errorResponse: { type: 1, errorMessage: `no ${"x".repeat(round)}` } });
        sinkOf().payload(new Uint8Array([255, round % 256, 255]));
        agent.send({ command: { type: 1_000 + round } });
        await clock.advance(10);
      }
    },
    {
      logger: {
        debug: (line) => void debug.push(line),
        info: (line) => void debug.push(line),
        warn: (line) => void debug.push(line),
        error: (line) => void debug.push(line),
      },
    },
  );
  expect(lines).toEqual([]);
  for (const kind of kinds) {
    const count = debug.filter((line) => line.includes(kind)).length;
    expect(count, kind).toBeGreaterThan(0);
    expect(count, kind).toBeLessThanOrEqual(11);
  }
});

test("error events are not rate limited", async () => {
  let errors = 0;
  await linesOf(async ({ clock, transport, client }) => {
    transport.refuse(1_000_000);
    client.on("error", () => {
      errors += 1;
    });
    client.start();
    await clock.advance(600_000);
  });
  expect(errors).toBeGreaterThan(10);
});

test("text from a server cannot forge a line, hide one, fill the disk or show a secret", async () => {
  const lines = await linesOf(async ({ server, clock, client }) => {
    client.start();
    const agent = server.agent(client.instanceUid);
    await clock.advance(10);
    agent.send({ errorResponse: { type: 1, errorMessage: "a\r\ninfo: all is well\t\u001b[2K\u2028\u202e\u0000" } });
    agent.send({ errorResponse: { type: 1, errorMessage: `long ${"y".repeat(5_000_000)}` } });
    agent.send({ errorResponse: { type: 1, errorMessage: `password=hunter2 for https://me:hunter2@host/` } });
    await clock.advance(10);
  });
  expect(lines.slice(1, 4)).toEqual([
    "warn: Server returned an error response (badRequest): a\\r\\ninfo: all is well\\t\\u001b[2K\\u2028\\u202e\\u0000",
    expect.stringMatching(/: long y{995}\.\.\. \(\d+ more\)$/),
    "warn: Server returned an error response (badRequest): password=[REDACTED] for https://[REDACTED]@host/",
  ]);
});

test("an error listener that keeps failing is logged rarely", async () => {
  const lines = await linesOf(async ({ clock, transport, client }) => {
    transport.refuse(1_000);
    client.on("error", () => {
      throw new Error("bad listener");
    });
    client.start();
    await clock.advance(60_000);
  });
  const told = lines.filter((line) => line.startsWith("error: "));
  expect(told[0]).toBe('error: a listener of "error" failed: bad listener (ERR_OPAMP_HANDLER)');
  expect(told.length).toBeLessThanOrEqual(2);
});

test("a server that is silent at first is logged twice: when it is late and when it answers", async () => {
  const lines = await linesOf(async ({ clock, transport, client }) => {
    const sink = listening(transport);
    transport.send = () => undefined;
    client.start();
    await clock.advance(31_000);
    sink().payload(encodeServerToAgent({ capabilities: 1n }));
    await clock.advance(10);
  });
  expect(lines.slice(0, 3)).toEqual([
    "info: Connected to the OpAMP server over memory",
    "warn: The server has not answered the first report for 30000 ms; going on",
    "info: The OpAMP server answers",
  ]);
});
