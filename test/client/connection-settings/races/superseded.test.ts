import { describe, expect, test } from "vitest";
import { recorded } from "../disk.js";
import { moved, NEW } from "../moved.js";
import { headers } from "../offers.js";

const MANY = 300;

describe("offers that newer ones supersede at once", () => {
  test("are not worked through one by one on disk, and the newest is applied", async () => {
    const disk = recorded();
    const written: string[] = [];
    const write = disk.store.blobs?.write;
    const blobs = disk.store.blobs && {
      ...disk.store.blobs,
      async write(name: string, bytes: Uint8Array) {
        written.push(name);
        await write?.(name, bytes);
      },
    };
    const agent = await moved({ store: { ...disk.store, blobs } });
    const seen = agent.servers.old.agent(agent.client.instanceUid);
    for (let number = 1; number <= MANY; number++) {
      const hash = Uint8Array.of(number >> 8, number & 0xff);
      seen.send({
        connectionSettings: { hash, opamp: { destinationEndpoint: NEW, headers: headers(["x-number", `${number}`]) } },
      });
    }
    await agent.clock.advance(5_000);
    expect(agent.statuses.at(-1)).toBe("applied");
    expect(agent.client.connection).toMatchObject({ endpoint: NEW, state: "accepted" });
    // Two for each that was stored: the first offer and the last.
    expect(written.length).toBeLessThanOrEqual(4);
    expect(disk.now().state?.connection?.switchedAt).toHaveLength(1);
  });
});
