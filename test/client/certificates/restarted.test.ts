import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { recorded } from "../connection-settings/disk.js";
import { servers } from "../connection-settings/moved.js";
import { type Certified, certified, HOUR_MS, issue, requestsAt, sharedAuthority } from "./certified.js";

async function stopped(agent: Certified): Promise<void> {
  await Promise.all([agent.client.stop(), agent.clock.advance(60_000)]);
}

/** The same agent again, in a process that starts with this disk. */
function again(disk: ReturnType<typeof recorded>, before: Certified, given: Parameters<typeof certified>[0] = {}) {
  return certified(given, { store: disk.store, servers: before.servers, isOneOfMany: true });
}

describe("a request, over a restart", () => {
  verifies(
    "CERT-07",
    "is not sent again once it was answered, and its certificate is paired with its key",
    async () => {
      const disk = recorded();
      const first = await certified({}, { store: disk.store });
      const { old } = first.servers;
      await stopped(first);
      const later = await again(disk, first);
      expect(requestsAt(old, later)).toHaveLength(1);
      expect(later.client.connection?.certificateRequest?.state).toBe("requested");
      await issue(old, later, requestsAt(old, later)[0] ?? "");
      expect(later.statuses.at(-1)).toBe("applied");
      await stopped(later);
      const last = await again(disk, later);
      expect(last.client.connection?.certificate).toBeDefined();
      expect(requestsAt(old, last)).toHaveLength(1);
    },
  );

  test("that no server has answered is sent again as it was", async () => {
    const disk = recorded();
    const both = await servers();
    const first = await certified({}, { store: disk.store, servers: both, options: { url: "ws://old.example.com" } });
    expect(requestsAt(both.old, first)).toEqual([]);
    await stopped(first);
    const { key, csr } = pendingOn(disk);
    const later = await certified({}, { store: disk.store, servers: both, options: { url: "ws://old.example.com" } });
    expect(pendingOn(disk)).toMatchObject({ key, csr });
    expect(later.client.connection?.certificateRequest?.state).toBe("waiting");
  });

  test("that was refused is not sent again", async () => {
    const disk = recorded();
    const both = await servers();
    const first = await certified({}, { store: disk.store, servers: both });
    both.old.agent(first.client.instanceUid).respondWithError(1, "no");
    first.client.requestCertificate();
    await first.clock.advance(1_000);
    expect(requestsAt(both.old, first)).toHaveLength(2);
    await stopped(first);
    const later = await again(disk, first);
    await later.clock.advance(HOUR_MS);
    expect(requestsAt(both.old, later)).toHaveLength(2);
    expect(later.client.connection?.certificateRequest?.state).toBe("refused");
  });

  test("is replaced where the options want another subject, kind of key or server", async () => {
    const disk = recorded();
    const first = await certified({}, { store: disk.store });
    const { old } = first.servers;
    await stopped(first);
    const { keyOf, subjectOf } = await sharedAuthority();
    const other = await again(disk, first, { subject: { commonName: "other" } });
    const [before = "", after = ""] = requestsAt(old, other);
    expect([subjectOf(after), keyOf(after) === keyOf(before)]).toEqual(["CN=other", true]);
    await stopped(other);
    const last = await again(disk, first, { subject: { commonName: "other" }, keyType: "ed25519" });
    const [, , ed25519 = ""] = requestsAt(old, last);
    expect([subjectOf(ed25519), keyOf(ed25519) === keyOf(after)]).toEqual(["CN=other", false]);
    await stopped(last);
    const url = "wss://old.example.com/other";
    const elsewhere = await certified({ keyType: "ed25519" }, { ...last, store: disk.store, options: { url } });
    expect(keyOf(requestsAt(old, elsewhere).at(-1) ?? "")).not.toBe(keyOf(ed25519));
  });

  test("is replaced where what was kept of it is damaged", async () => {
    const disk = recorded();
    const first = await certified({}, { store: disk.store });
    await stopped(first);
    await disk.store.blobs?.write("certificate-request", Buffer.from("{"));
    const later = await again(disk, first);
    expect(requestsAt(first.servers.old, later)).toHaveLength(2);
    expect(later.client.phase).toBe("online");
  });
});

verifies(
  ["CERT-05", "CERT-07"],
  "killed after any write, an agent has the key of each request that left, and uses the certificate for it",
  async () => {
    const disk = recorded();
    const agent = await certified({}, { store: disk.store });
    const { old } = agent.servers;
    const [csr = ""] = requestsAt(old, agent);
    const asked = disk.moments.length;
    await issue(old, agent, csr);
    await agent.clock.advance(10_000);
    expect(disk.moments.length).toBeGreaterThan(asked + 3);
    const { fingerprint } = agent.client.connection?.certificate ?? {};
    for (const [index, moment] of disk.moments.entries()) {
      const later = await again(recorded(moment), agent);
      await later.clock.advance(1_000);
      if (later.client.connection?.certificate === undefined) {
        const theirs = requestsAt(old, later).at(-1) ?? csr;
        await issue(old, later, theirs);
      }
      expect(later.statuses.at(-1) ?? "applied").toBe("applied");
      expect(later.client.connection?.certificate).toBeDefined();
      if (index === disk.moments.length - 1)
        expect(later.client.connection?.certificate?.fingerprint).toBe(fingerprint);
    }
    const left = disk.now();
    expect([...left.blobs.keys()].sort()).toEqual(["certificate-request", expect.stringMatching(/^connection-/)]);
    expect(Buffer.from(left.blobs.get("certificate-request") ?? []).toString()).not.toContain("PRIVATE KEY");
  },
);

function pendingOn(disk: ReturnType<typeof recorded>) {
  const blob = disk.now().blobs.get("certificate-request") ?? new Uint8Array();
  const record: { key: string; csr: string } = JSON.parse(Buffer.from(blob).toString());
  return record;
}
