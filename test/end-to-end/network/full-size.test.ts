import { expect } from "vitest";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../../src/wire/limits.js";
import { makeClient } from "../../client/wire-fixture.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { collect, next } from "../contract/meeting.js";
import { until, urlOf, ways } from "./network-fixture.js";

const MAX = DEFAULT_MAX_MESSAGE_BYTES;
/** As many digits as the largest has in its lengths, as protobuf writes them. */
const SAMPLE = 3 * 2 ** 20;

for (const way of ways) {
  verifies(
    ["SIZE-01", "SIZE-03", "SIZE-06"],
    `an answer of 67108864 bytes over ${way.name} is accepted by default, and one byte more is not`,
    async () => {
      const server = await startServer({ keepMessages: 1 });
      const client = makeClient({ url: urlOf(server, way) });
      client.start();
      await client.connected();
      const errors = collect(client, "error");
      server.misbehave({ mode: "oversize", bytes: MAX });
      client.setHealth({ healthy: true });
      await until(() => client.stats().bytesReceived >= MAX - 1);
      expect([errors, client.phase]).toEqual([[], "online"]);
      server.misbehave({ mode: "oversize", bytes: MAX + 1 });
      const refused = next(client, "error");
      client.setHealth({ healthy: false });
      expect(await refused).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE" });
    },
  );

  verifies(
    ["SIZE-01", "SIZE-04", "SIZE-07"],
    `a report of 67108864 bytes over ${way.name} is sent by default, and one byte more is not`,
    async () => {
      const server = await startServer({ keepMessages: 1 });
      let body = new Uint8Array();
      const client = makeClient({ url: urlOf(server, way), effectiveConfig: () => ({ a: { body } }) });
      client.start();
      await client.connected();
      const agent = server.agent(client.instanceUid);
      const report = async (bytes: number): Promise<void> => {
        body = new Uint8Array(bytes);
        client.refreshEffectiveConfig();
        await agent.until(({ effectiveFiles }) => effectiveFiles["a"]?.body.length === bytes);
      };
      const before = client.stats().bytesSent;
      await report(SAMPLE);
      const around = client.stats().bytesSent - before - SAMPLE + (way.duplex ? 1 : 0);
      await report(MAX - around);
      const refused = next(client, "error");
      body = new Uint8Array(MAX - around + 1);
      client.refreshEffectiveConfig();
      expect(await refused).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE" });
      expect([client.phase, client.stats().dials]).toEqual(["online", 1]);
    },
  );
}
