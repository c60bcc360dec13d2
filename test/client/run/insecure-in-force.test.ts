import { expect, onTestFinished, test } from "vitest";
import { Transports } from "../../../src/client/connection/transports.js";
import { InsecureInForce } from "../../../src/client/run/insecure-in-force.js";
import { laidOver } from "../../../src/connection-settings/laid-over.js";
import type { Snapshot } from "../../../src/connection-settings/snapshot.js";
import { OpAMPClient, type WarningEvent } from "../../../src/index.js";
import { OpAMPServer, testCertificates } from "../../../src/testing/index.js";
import { insecurities } from "../../../src/transport/insecure.js";
import { recorded } from "../connection-settings/disk.js";

const SECURE = "wss://secure.example.com/";

const notDialled = (): never => {
  throw new Error("nothing is dialled");
};

/** What is warned of at a start with these options, and as other settings come into force. */
function warned(url: string, ...snapshots: readonly Snapshot[]) {
  const own = { url, headers: undefined, tls: undefined, proxy: false } as const;
  const home = laidOver(own, {}, false);
  const transports = new Transports(notDialled, home);
  const told: WarningEvent[] = [];
  const ofOptions = insecurities(home.endpoint.url, undefined, false);
  const insecure = new InsecureInForce(transports, ofOptions, (event) => told.push(event));
  return snapshots.map((snapshot) => {
    transports.commit(laidOver(own, snapshot, false));
    insecure.review();
    return told
      .splice(0)
      .map(
        ({ code, message, hint }) => `${code}: ${message}${/; the server offered/.test(hint) ? ", as offered" : ""}`,
      );
  });
}

const CLEARTEXT = (host: string) => `cleartext: what goes to and from ${host}:4320 is not encrypted`;

test("settings in force are warned of once for as long as they last, those of the options and of the server", () => {
  expect(warned("ws://plain.example.com/", {}, {}, { endpoint: SECURE }, {})).toEqual([
    [CLEARTEXT("plain.example.com")],
    [],
    [],
    [CLEARTEXT("plain.example.com")],
  ]);
  const offered = "ws://offered.example.com/";
  expect(warned(SECURE, {}, { endpoint: offered }, { endpoint: offered, headers: { x: "1" } })).toEqual([
    [],
    [`${CLEARTEXT("offered.example.com")}, as offered`],
    [],
  ]);
  const skipping = { endpoint: SECURE, tls: { insecureSkipVerify: true, includeSystemCa: false } };
  const skipped =
    "the certificate of secure.example.com:4320 is not verified, since tls.insecureSkipVerify is on, as offered";
  expect(warned(SECURE, skipping)).toEqual([[`insecure-skip-verify: ${skipped}`]]);
});

test("a client whose server turned verification off warns when that comes into force, and at each start", async () => {
  const { server: identity } = await testCertificates();
  const first = await OpAMPServer.start();
  const second = await OpAMPServer.start({ tls: identity });
  const disk = recorded();
  const begin = () => {
    const warnings: string[] = [];
    const opamp = { endpoints: ["*"], allowInsecureSkipVerify: true };
    const description = { identifying: { "service.name": "agent" } };
    const client = new OpAMPClient({ url: first.url, description, store: disk.store, connectionSettings: { opamp } });
    client.on("warning", ({ code, hint }) => warnings.push(`${code} ${hint.split("; ").at(-1)}`));
    onTestFinished(() => client.stop());
    client.start();
    return { client, warnings };
  };
  onTestFinished(async () => void (await Promise.all([first.close(), second.close()])));
  const agent = begin();
  const hash = (await first.firstAgent()).offerSettings({
    opamp: { endpoint: second.url, tls: { insecureSkipVerify: true } },
  });
  const moved = await second.firstAgent();
  await moved.until((seen) => seen.hasAppliedSettings(hash));
  const expected = [
    "insecure-skip-verify the server offered this: give another connectionSettings.settingsEpoch to go back to the options",
  ];
  expect(agent.warnings).toEqual(expected);
  await agent.client.stop();
  const again = begin();
  await again.client.connected();
  expect(again.warnings).toEqual(expected);
});
