import { inspect } from "node:util";
import { expect, test } from "vitest";
import { OpAMPClient } from "../../src/index.js";
import { FaultProxy, memoryTransport, OpAMPServer, virtualClock } from "../../src/testing/index.js";
import { meetInMemory } from "./failing-waits.js";
import { rejectionOf } from "./rejection.js";

const description = { identifying: { "service.name": "my-agent" } };

test.each([
  [OpAMPServer, "OpAMPServer", []],
  [OpAMPServer, "OpAMPServer", [{ port: 0 }]],
  [FaultProxy, "FaultProxy", []],
  [FaultProxy, "FaultProxy", [{ target: { port: 1 } }]],
])("new of %o is refused and names start()", (made, name, given) => {
  const make = () => Reflect.construct(made, given);
  expect(make).toThrow(
    expect.objectContaining({
      code: "ERR_OPAMP_OPTION",
      hint: `use \`await ${name}.start()\``,
      message: expect.stringContaining(`new ${name}()`),
    }),
  );
});

test("a server, its agents and its attempts are printed with what they hold", async () => {
  const { server, agent, client } = await meetInMemory({ health: { healthy: true } });
  expect(inspect(agent)).toContain(`uidText: '${client.instanceUid}'`);
  expect(inspect(agent)).toContain("'service.name': 'my-agent'");
  await fetch(server.httpUrl, { method: "POST", headers: { authorization: "Bearer s3cret" } });
  expect(inspect(server.attempts)).toMatch(/Attempt \{\s+transport: 'http',[\s\S]*status: 415/);
  expect(inspect(server)).toContain(`url: '${server.url}'`);
  expect(inspect({ a: { b: { c: { d: agent } } } })).toContain("[Object]");
  expect(inspect([agent, server, server.attempts], { depth: 9 })).not.toContain("s3cret");
});

test.each([
  ["one", { bearer: 1 }],
  ["a member of one", { basic: { username: "me" } }],
  ["one of several", { basic: [{ user: "me", password: 5 }] }],
])("the stack of a refused option begins near the test: %s", async (_, auth) => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 10;
  try {
    const wrong = await rejectionOf(Reflect.apply(OpAMPServer.start, OpAMPServer, [{ auth }]));
    expect(wrong.stack?.split("\n    at ")[1]).toContain("kit-use.test.ts");
    await using server = await OpAMPServer.start();
    const set = () => Reflect.apply(server.setAuth, server, [auth]);
    expect(set).toThrow(expect.objectContaining({ stack: expect.stringContaining("kit-use.test.ts") }));
  } finally {
    Error.stackTraceLimit = limit;
  }
});

test("a second client on a memory transport takes the connection away, with an error that says so", async () => {
  await using server = await OpAMPServer.start();
  const [transport, clock] = [memoryTransport(server), virtualClock()];
  const clients = [0, 1].map(() => new OpAMPClient({ transport, clock, description }));
  const errors: unknown[] = [];
  for (const client of clients) {
    client.on("phase", (event) => void ("error" in event && errors.push(event.error)));
    client.start();
    await clock.advance(0);
  }
  expect(errors).toMatchObject([{ message: "another client has taken over this memoryTransport" }]);
  expect(clients.map(({ phase }) => phase)).toEqual(["waiting", "online"]);
  await Promise.all(clients.map((client) => client.stop({ timeoutMs: 0 })));
});

test("custom capabilities that no client would take are refused", async () => {
  await expect(OpAMPServer.start({ customCapabilities: ["com.example.a", "bad name"] })).rejects.toThrow(
    "customCapabilities[1]: must be a reverse domain name",
  );
});
