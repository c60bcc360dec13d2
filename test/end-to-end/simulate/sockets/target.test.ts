import { expect, test } from "vitest";
import { checkTarget, isPrivate, type Lookup } from "../../../../src/simulate/sockets/target.js";

const at =
  (...addresses: string[]): Lookup =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

const unknown: Lookup = async (host) => {
  throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
};

test.each([
  "127.0.0.1",
  "127.200.0.9",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "169.254.10.10",
  "100.64.0.1",
  "0.0.0.0",
  "::",
  "::1",
  "fd00::1",
  "fe80::1",
  "::ffff:10.0.0.1",
  "::ffff:7f00:1",
])("%s is an address of one's own", (address) => {
  expect(isPrivate(address)).toBe(true);
});

test.each([
  "8.8.8.8",
  "172.15.0.1",
  "172.32.0.1",
  "192.167.1.1",
  "100.128.0.1",
  "126.0.0.1",
  "2001:4860:4860::8888",
  "::ffff:8.8.8.8",
  "fec0::1",
])("%s is a public address", (address) => {
  expect(isPrivate(address)).toBe(false);
});

test.each([
  ["ws://127.0.0.1:4320/", ["127.0.0.1"]],
  ["http://[::1]:4320/", ["::1"]],
  // The parser of URLs makes a usual address of a number.
  ["ws://2130706434/", ["127.0.0.2"]],
  ["ws://localhost/", ["127.0.0.1"]],
  ["ws://opamp.localhost/", ["127.0.0.1"]],
])("%s may be simulated against without any lookup", async (url, addresses) => {
  expect(await checkTarget(new URL(url), false, false, unknown)).toEqual(addresses);
});

test("a name with private addresses alone may be simulated against", async () => {
  const addresses = ["10.0.0.1", "fd00::7"];
  expect(await checkTarget(new URL("wss://opamp.internal/"), false, false, at(...addresses))).toEqual(addresses);
});

test.each([
  ["wss://203.0.113.9/", unknown, /203\.0\.113\.9 is a public address/],
  ["wss://[2001:db8::1]/", unknown, /2001:db8::1 is a public address/],
  ["wss://opamp.example.com/", at("203.0.113.9"), /opamp\.example\.com is at 203\.0\.113\.9, a public address/],
  ["wss://opamp.example.com/", at("10.0.0.1", "203.0.113.9"), /203\.0\.113\.9/],
])("%s is refused unless public servers are allowed", async (given, find, message) => {
  const url = new URL(given);
  await expect(checkTarget(url, false, false, find)).rejects.toMatchObject({
    code: "ERR_OPAMP_OPTION",
    message: expect.stringMatching(message),
    hint: expect.stringContaining("--allow-public-server"),
  });
  expect(await checkTarget(url, true, false, find)).not.toEqual([]);
});

test("a name that does not resolve says so, and behind a proxy has to be allowed", async () => {
  const url = new URL("wss://opamp.example.com/");
  await expect(checkTarget(url, false, false, unknown)).rejects.toMatchObject({ code: "ERR_OPAMP_CONNECT" });
  await expect(checkTarget(url, true, false, unknown)).rejects.toMatchObject({ code: "ERR_OPAMP_CONNECT" });
  await expect(checkTarget(url, false, true, unknown)).rejects.toMatchObject({
    code: "ERR_OPAMP_OPTION",
    message: expect.stringContaining("cannot be resolved here"),
  });
  expect(await checkTarget(url, true, true, unknown)).toEqual([]);
});
