import { expect, test } from "vitest";
import { notLoaded } from "../../../src/base/load.js";
import { OpAMPClient } from "../../../src/index.js";
import { startHttp } from "../../transport/raw-servers.js";

test("a client whose transport cannot load its library stops, and says why", async () => {
  const error = notLoaded("ws", new Error("no such package"));
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const client = new OpAMPClient({
    transport: {
      duplex: true,
      name: "incomplete",
      open: (sink) => sink.lost({ error, fate: "unsent", orderly: true, throttled: false }),
      send: () => undefined,
      ping: () => undefined,
      close: () => undefined,
    },
    description: { identifying: { "service.name": "bundled" } },
    logger: { debug: () => undefined, info: log, warn: log, error: log },
  });
  const codes: string[] = [];
  client.on("error", ({ code }) => codes.push(code));
  client.start();
  await expect(client.connected()).rejects.toMatchObject({
    code: "ERR_OPAMP_STOPPED",
    message: expect.stringContaining("cannot be loaded"),
    hint: expect.stringContaining("docs/bundling.md"),
  });
  expect([client.phase, codes]).toEqual(["stopped", ["ERR_OPAMP_INCOMPLETE"]]);
  expect(lines.filter((line) => line.includes("docs/bundling.md"))).toHaveLength(1);
  expect(lines.at(-1)).toBe("Client stopped.");
  await client.stop();
});

test("a client whose credentials need a library that cannot be loaded stops as well", async () => {
  const server = await startHttp((_request, response) => response.end());
  const incomplete = notLoaded("undici", new Error("no such package"));
  const client = new OpAMPClient({
    url: `http://${server.host}/`,
    headers: () => Promise.reject(incomplete),
    description: { identifying: { "service.name": "bundled" } },
  });
  client.start();
  await expect(client.connected()).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED", cause: incomplete });
});
