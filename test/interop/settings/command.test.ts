import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { verifies } from "../../conformance/verifies.js";
import { mark, startServer, transports } from "../fixture.js";
import { startAgentProcess, writeAgentFile } from "./command.js";
import {
  connections,
  offerSettings,
  secureServer,
  secureUrl,
  settingsStatuses,
  token,
  untilSettings,
} from "./moving.js";

const PATIENT = { timeoutMs: 15_000 };
const OTHERS = 0o077;

/** For each file with a secret in it: what others may do with it. */
function secrets(folder: string): readonly number[] {
  const paths = readdirSync(folder).map((name) => join(folder, name));
  const files = paths.filter((path) => statSync(path).isFile());
  const secret = files.filter((path) => /s3cret|PRIVATE KEY/.test(readFileSync(path, "utf8")));
  return secret.map((path) => statSync(path).mode & OTHERS);
}

describe.each(transports)("`opamp agent`, moved by a Go server over %s", (transport) => {
  verifies(["CONN-08", "CERT-03", "CERT-04"], "goes to the new one alone after it was killed", async () => {
    const [folder, authority] = [folderForTest(), folderForTest()];
    const [old, next] = await Promise.all([startServer(), secureServer(authority, "known")]);
    const { cert, key = "", ca } = await next.issue({ name: "agent" });
    writeAgentFile(folder, transport, old.url(transport));
    const first = startAgentProcess(folder);
    await old.until("message", () => true, PATIENT);
    await offerSettings(old, transport, "h1", {
      destinationEndpoint: secureUrl(next, transport),
      ...token("s3cret"),
      certificate: { cert: Buffer.from(cert), privateKey: Buffer.from(key) },
      tls: { caPemContents: ca },
    });
    await untilSettings(next, "APPLIED", "h1");
    await first.kill();
    const [atOld, atNext] = [await mark(old), await mark(next)];
    const second = startAgentProcess(folder);
    await next.until("message", () => true, { since: atNext, ...PATIENT });
    expect(await connections(old, atOld)).toEqual([]);
    for (const { headers, client } of await connections(next)) {
      expect([headers["Authorization"], client]).toEqual(["Bearer s3cret", "CN=agent"]);
    }
    // The offer, key included, is not left there beside the settings that came of it.
    await expect.poll(() => secrets(join(folder, "state")), { timeout: PATIENT.timeoutMs }).toEqual([0]);
    for (const { log } of [first, second]) {
      expect(log).not.toMatch(/s3cret|bootstrap|PRIVATE KEY/);
      expect(log).not.toBe("");
    }
  });

  verifies("CONN-05", "and killed before the new one has answered, asks that one first", async () => {
    const folder = folderForTest();
    const [old, next] = await Promise.all([startServer(), startServer()]);
    await next.silent({ how: "hold" });
    writeAgentFile(folder, transport, old.url(transport));
    const first = startAgentProcess(folder);
    await old.until("message", () => true, PATIENT);
    await offerSettings(old, transport, "h1", { destinationEndpoint: next.url(transport), ...token("offered") });
    await next.until("message");
    await first.kill();
    const since = await mark(old);
    startAgentProcess(folder);
    await next.until("message", ({ message }) => message.connectionSettingsStatus?.status === 1, PATIENT);
    expect(await connections(old, since)).toEqual([]);
  });

  test("says why it is not", async () => {
    const folder = folderForTest();
    const old = await startServer();
    writeAgentFile(folder, transport, old.url(transport));
    startAgentProcess(folder);
    await old.until("message", () => true, PATIENT);
    await offerSettings(old, transport, "h1", { destinationEndpoint: "wss://192.0.2.1/v1/opamp" });
    await untilSettings(old, "FAILED", "h1");
    expect((await settingsStatuses(old)).at(-1)).toMatch(/is not one that this agent may be moved to/);
  });
});
