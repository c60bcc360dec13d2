import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { rejectionOf } from "../../testing/rejection.js";
import { exchange, full, uid } from "../bare-peers.js";

vi.resetModules();
vi.doMock("node:module", async (original) => {
  const real = await original<typeof import("node:module")>();
  const createRequire: typeof real.createRequire = (from) => {
    const load = real.createRequire(from);
    const without = (name: string): unknown => {
      if (name === "reflect-metadata") throw new Error(`Cannot find module '${name}'`);
      return load(name);
    };
    return Object.assign(without, load);
  };
  return { ...real, createRequire };
});
const { OpAMPServer, testCertificates } = await import("../../../src/testing/index.js");
afterAll(() => {
  vi.doUnmock("node:module");
  vi.resetModules();
});

const MISSING = { code: "ERR_OPAMP_OPTION", hint: expect.stringContaining("npm install --save-dev @peculiar/x509") };

test("what needs certificates says what to install", async () => {
  const start = OpAMPServer.start({ signingRequests: { issue: "by hand" } });
  expect(await rejectionOf(start)).toMatchObject({
    ...MISSING,
    message: "signingRequests needs @peculiar/x509 and reflect-metadata",
  });
  expect(await rejectionOf(testCertificates())).toMatchObject({
    ...MISSING,
    message: "testCertificates needs @peculiar/x509 and reflect-metadata",
  });
});

test("a server that does not sign does without, and shows requests as far as it can", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const connectionSettingsRequest = { opamp: { certificateRequest: { csr: Uint8Array.of(1) } } };
  await exchange(server.httpUrl, full(1, { connectionSettingsRequest }));
  const agent = server.agent(uid());
  expect(() => agent.signingRequest).toThrow(expect.objectContaining(MISSING));
  const { message } = await rejectionOf(agent.until(() => false, { timeoutMs: 1 }));
  expect(message).toContain("signing request: not dealt with yet");
});
