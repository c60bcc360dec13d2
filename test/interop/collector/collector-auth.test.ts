import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { transports } from "../fixture.js";
import { collectorFile } from "./collector-config.js";
import { type ProgramName, programs, startProgram, temporaryFolder } from "./collector-program.js";
import { endpointOf, startWatchedServer } from "./collector-run.js";

const WAIT_MS = 15_000;

/** Files with a secret, before and after somebody put another one into them, and the header that each makes. */
const rotations = {
  bearertokenauth: {
    settings: (path: string) => ({ filename: path }),
    secrets: ["first", "second"],
    headers: ["Bearer first", "Bearer second"],
  },
  basicauth: {
    settings: (path: string) => ({ client_auth: { username: "anna", password_file: path } }),
    secrets: ["first", "second"],
    headers: [basic("anna:first"), basic("anna:second")],
  },
} as const;

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

const cases = transports.flatMap((transport) => {
  return Object.entries(rotations).map(([type, rotation]) => ({ transport, type, rotation }));
});

test.for(cases)("$transport, $type: another secret in the file counts from the next connection on", async (given) => {
  const { transport, type, rotation } = given;
  const [before, after] = rotation.headers;

  async function headersOf(program: ProgramName) {
    const path = join(temporaryFolder(), "secret");
    writeFileSync(path, rotation.secrets[0]);
    const { server, headers } = await startWatchedServer();
    const extensions = { [type]: rotation.settings(path) };
    const file = collectorFile(transport, endpointOf(server, transport), { server: { auth: type }, extensions });
    const running = startProgram(program, file);
    const signal = AbortSignal.timeout(WAIT_MS);
    await server.firstAgent({ signal, timeoutMs: WAIT_MS });
    // In one step: a file that is being written is empty for a moment, and the Collector would send that.
    writeFileSync(`${path}.new`, rotation.secrets[1]);
    renameSync(`${path}.new`, path);
    // The Collector takes a moment to notice. Over HTTP, the next poll comes by itself.
    while (headers.at(-1)?.["authorization"] !== after) {
      const { length } = server.attempts;
      if (transport === "ws") server.drop();
      await server
        .until(({ attempts }) => attempts.length > length, { signal, timeoutMs: WAIT_MS })
        .catch((cause: unknown) => {
          throw new Error(`the secret stays the old one; the log of the program:\n${running.log}`, { cause });
        });
    }
    return [...new Set(headers.map(({ authorization }) => authorization))];
  }

  const [collector, ours] = await Promise.all(programs.map(headersOf));
  expect(collector).toEqual([before, after]);
  expect(ours).toEqual([before, after]);
});
