import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const KIT = JSON.stringify(new URL("../../src/testing/index.ts", import.meta.url).href);
const CLIENT = JSON.stringify(new URL("../../src/index.ts", import.meta.url).href);

/** Runs a program to its end, with a server that it starts. A program that is held runs into the limit. */
function run(code: string, limitMs = 30_000): { status: number | null; output: string } {
  const program = `
    import { OpAMPClient } from ${CLIENT};
    import { FaultProxy, OpAMPServer } from ${KIT};
    process.on("exit", (code) => console.log("exit", code));
    const description = { identifying: { "service.name": "my-agent" } };
    ${code}
    console.log("end of program");
  `;
  // As outside of vitest, whose waits are shorter.
  const { VITEST: _, ...env } = process.env;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: limitMs, env });
  return { status, output: stdout + stderr };
}

const CONNECTED = `
  const server = await OpAMPServer.start();
  const proxy = await FaultProxy.start({ target: server });
  const client = new OpAMPClient({ url: proxy.url, description });
  client.start();
  await server.firstAgent();
  await client.connected();
`;

test("a server and a proxy that are left open do not hold the process", () => {
  expect(run(CONNECTED)).toEqual({ status: 0, output: "end of program\nexit 0\n" });
});

test("client, proxy and server end in a process that nothing else holds", () => {
  const { status, output } = run(`${CONNECTED} await client.stop(); await proxy.close(); await server.close();`);
  expect({ status, output }).toEqual({ status: 0, output: "end of program\nexit 0\n" });
});

test("a wait holds the process until its limit of 5 seconds, and its error is not lost", () => {
  const { status, output } = run("await (await OpAMPServer.start()).firstAgent();");
  expect(status).toBe(1);
  expect(output).toContain("server.firstAgent() timed out after 5000 ms");
  expect(output).not.toContain("end of program");
});

test("a server with `keepAlive` holds the process until it is closed", () => {
  const { status, output } = run(`
    const server = await OpAMPServer.start({ keepAlive: true });
    setTimeout(() => { console.log("held"); void server.close(); }, 100).unref();
  `);
  expect({ status, output }).toEqual({ status: 0, output: "end of program\nheld\nexit 0\n" });
});
