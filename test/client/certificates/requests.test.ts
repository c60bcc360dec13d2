import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { NEW, OLD, offer } from "../connection-settings/moved.js";
import { certified, DAY_MS, HOUR_MS, issue, openStore, requestsAt, sharedAuthority } from "./certified.js";

describe("a client that asks for certificates", () => {
  verifies(["CERT-05", "CERT-06"], "asks once, in PEM, for its own uid, and the key stays in its store", async () => {
    const { store, text } = openStore();
    const agent = await certified({}, { store });
    const { old } = agent.servers;
    const { subjectOf } = await sharedAuthority();
    const csrs = requestsAt(old, agent);
    expect(csrs.map(subjectOf)).toEqual([`CN=${agent.client.instanceUid}`]);
    const { key } = JSON.parse(text().slice(text().indexOf("{")));
    const lines: readonly string[] = key.split("\n").slice(1, -2);
    expect(lines.length).toBeGreaterThan(1);
    const wire = JSON.stringify(old.log, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    for (const line of lines) expect(wire).not.toContain(line);
    old.agent(agent.client.instanceUid).requestFullState();
    await agent.clock.advance(2 * HOUR_MS);
    expect(requestsAt(old, agent)).toEqual(csrs);
    expect(agent.client.connection?.certificateRequest?.state).toBe("requested");
  });

  verifies("CERT-07", "pairs a certificate that comes much later with its key, and uses it", async () => {
    const { store, blobs, text } = openStore();
    const agent = await certified({}, { store });
    const { old } = agent.servers;
    const [csr = ""] = requestsAt(old, agent);
    await agent.clock.advance(3 * HOUR_MS);
    await issue(old, agent, csr);
    expect(agent.statuses.at(-1)).toBe("applied");
    expect(agent.client.connection).toMatchObject({ state: "accepted", endpoint: OLD, source: "server" });
    expect(agent.client.connection?.certificate?.validUntil).toBeInstanceOf(Date);
    expect(agent.client.connection?.certificateRequest).toBeUndefined();
    expect([...blobs.keys()].sort()).toEqual(["certificate-request", expect.stringMatching(/^connection-/)]);
    expect(text().match(/BEGIN PRIVATE KEY/g)).toHaveLength(1);
    expect(agent.requests).toEqual(["requested", undefined]);
  });

  verifies("CERT-07", "refuses a certificate for a key that it does not have, and stays as it is", async () => {
    const agent = await certified();
    const other = await certified({}, { servers: agent.servers });
    const { old } = agent.servers;
    const [csr = ""] = requestsAt(old, other);
    await issue(old, agent, csr);
    expect(agent.statuses.at(-1)).toMatch(/^failed: certificate.cert is for a key that this agent does not have/);
    expect(agent.client.connection).toMatchObject({ state: "rejected", certificate: undefined });
    expect(agent.dialled).toEqual(["old"]);
    expect(agent.client.connection?.certificateRequest?.state).toBe("requested");
  });

  test.each([
    ["has ended", { from: -2 * DAY_MS, until: -HOUR_MS }, /certificate.cert ended on/],
    ["is not valid yet", { from: HOUR_MS, until: DAY_MS }, /certificate.cert is not valid before/],
    ["is for servers", { from: 0, until: DAY_MS, usage: "server" as const }, /certificate.cert is not for clients/],
  ])("refuses an issued certificate that %s", async (_, { from, until, ...issued }, text) => {
    const agent = await certified();
    const now = agent.clock.wallNow();
    const [csr = ""] = requestsAt(agent.servers.old, agent);
    await issue(agent.servers.old, agent, csr, { from: now + from, until: now + until, ...issued });
    expect(agent.statuses.at(-1)).toMatch(text);
    await issue(agent.servers.old, agent, csr, { from: now + 5 * 60_000 });
    expect(agent.statuses.at(-1)).toBe("applied");
  });

  verifies(
    "CERT-08",
    "does not repeat a request that was refused, says so, and asks otherwise after a day",
    async () => {
      const agent = await certified();
      const { keyOf } = await sharedAuthority();
      const { old } = agent.servers;
      const first = requestsAt(old, agent);
      old.agent(agent.client.instanceUid).respondWithError(1, "not that name");
      agent.client.requestCertificate();
      await agent.clock.advance(1_000);
      expect(requestsAt(old, agent)).toEqual([...first, ...first]);
      expect([agent.warnings, agent.client.connection?.certificateRequest?.state]).toEqual([
        ["certificate-refused"],
        "refused",
      ]);
      await agent.clock.advance(DAY_MS - HOUR_MS);
      expect(requestsAt(old, agent)).toHaveLength(2);
      expect(agent.client.phase).toBe("online");
      await agent.clock.advance(2 * HOUR_MS);
      const [before = "", , after = ""] = requestsAt(old, agent);
      expect(after).not.toBe("");
      expect(keyOf(after)).not.toBe(keyOf(before));
    },
  );

  verifies("CERT-09", "asks again with another uid, on the connection that it has", async () => {
    const agent = await certified();
    const { old } = agent.servers;
    const { subjectOf, keyOf } = await sharedAuthority();
    const uid = "01890a5d-ac96-774b-bcce-b302099a8057";
    old.agent(agent.client.instanceUid).assignUid(uid);
    await agent.clock.advance(1_000);
    const [first = "", second = "", ...more] = requestsAt(old, agent);
    expect([subjectOf(second), keyOf(second) === keyOf(first), more]).toEqual([`CN=${uid}`, true, []]);
    expect(agent.dialled).toEqual(["old"]);
    await issue(old, agent, second);
    old.agent(uid).assignUid("01890a5d-ac96-774b-bcce-b302099a8058");
    await agent.clock.advance(1_000);
    const [, , third = ""] = requestsAt(old, agent);
    expect(subjectOf(third)).toBe("CN=01890a5d-ac96-774b-bcce-b302099a8058");
    expect(keyOf(third)).not.toBe(keyOf(second));
  });

  test("asks a server that forgot the request once a day with the same key, and at once when the host wants it", async () => {
    const agent = await certified();
    const { old } = agent.servers;
    const [csr = ""] = requestsAt(old, agent);
    await agent.clock.advance(DAY_MS + HOUR_MS);
    expect(requestsAt(old, agent)).toEqual([csr, csr]);
    agent.client.requestCertificate();
    await agent.clock.advance(1_000);
    expect(requestsAt(old, agent)).toEqual([csr, csr, csr]);
  });

  test("asks for nothing by itself where the options do not say so, and does when the host wants it", async () => {
    const agent = await certified({ request: false });
    await agent.clock.advance(2 * DAY_MS);
    expect(requestsAt(agent.servers.old, agent)).toEqual([]);
    agent.client.requestCertificate();
    await agent.clock.advance(1_000);
    expect(requestsAt(agent.servers.old, agent)).toHaveLength(1);
  });

  test("asks another server that it is moved to, with the same key", async () => {
    const agent = await certified();
    const [csr = ""] = requestsAt(agent.servers.old, agent);
    agent.servers.old.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(9), opamp: { destinationEndpoint: "wss://new.example.com/v1/opamp" } },
    });
    await agent.clock.advance(5_000);
    expect(requestsAt(agent.servers.new, agent)).toEqual([csr]);
  });

  test.each(["wss", "ws"])("sends none to a server on trial by %s that has declared nothing", async (scheme) => {
    const policy = { allowCleartext: true };
    const agent = await certified({ request: false }, { policy, options: { heartbeat: { intervalMs: 9_000 } } });
    agent.servers.new.misbehave({ mode: "silence", times: 1_000 });
    await offer(agent, { destinationEndpoint: NEW.replace("wss", scheme) });
    await agent.clock.advance(2_000);
    agent.client.requestCertificate();
    await agent.clock.advance(27_000);
    expect(agent.client.connection?.state).toBe("verifying");
    expect(requestsAt(agent.servers.new, agent)).toHaveLength(0);
    await agent.clock.advance(60_000);
    expect(requestsAt(agent.servers.old, agent)).toHaveLength(1);
  });

  verifies(
    "CERT-05",
    "asks nothing over a connection that is not encrypted, or not verified, and says why",
    async () => {
      const cases = [
        [{ url: "ws://old.example.com/v1/opamp" }, "the connection is not encrypted"],
        [{ tls: { insecureSkipVerify: true } }, "the server's certificate is not verified"],
      ] as const;
      for (const [options, why] of cases) {
        const lines: string[] = [];
        const log = (text: string): void => void lines.push(text);
        const logger = { debug: log, info: log, warn: log, error: log };
        const agent = await certified({}, { options: { ...options, logger } });
        await agent.clock.advance(2 * DAY_MS);
        expect(requestsAt(agent.servers.old, agent)).toEqual([]);
        expect(agent.client.connection?.certificateRequest?.state).toBe("waiting");
        const told = lines.filter((line) => line.includes("no certificate is requested"));
        expect(told).toEqual([expect.stringContaining(why)]);
      }
    },
  );
});
