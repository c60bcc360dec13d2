import { expect, test, vi } from "vitest";
import { moved, NEW, offer } from "./moved.js";

test("the connection names the proxy of the environment that it goes through, without its password", async ({
  onTestFinished,
}) => {
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv("https_proxy", "http://joe:secret@proxy.example.com:3128");
  vi.stubEnv("no_proxy", "new.example.com");
  const agent = await moved();
  const { client } = agent;
  expect(client.connection?.proxy).toBe("proxy.example.com:3128");
  await offer(agent, { destinationEndpoint: NEW });
  expect(client.connection).toMatchObject({ endpoint: NEW, proxy: undefined });
});

test.each([
  [{ url: "http://joe:secret@own.example.com:8080" }, "own.example.com:8080"],
  [false, undefined],
] as const)("with the option proxy %o it names %s, whatever the environment has", async (proxy, shown) => {
  vi.stubEnv("https_proxy", "http://proxy.example.com:3128");
  const { client } = await moved({ options: { proxy } });
  vi.unstubAllEnvs();
  expect(client.connection?.proxy).toBe(shown);
});
