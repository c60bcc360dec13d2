import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { proxyFor } from "../../../src/transport/proxy/proxy.js";
import { parseProxyUrl } from "../../../src/transport/proxy/proxy-url.js";
import { verifies } from "../../conformance/verifies.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { dialled, refusalOf, startPlain } from "../dial-fixture.js";

const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

function environment(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
}

async function found(url: string): Promise<string | undefined> {
  return (await proxyFor(new URL(url), { proxy: "env", tls: undefined }))?.url.href;
}

beforeEach(() => {
  for (const name of NAMES.flatMap((upper) => [upper, upper.toLowerCase()])) vi.stubEnv(name, "");
  onTestFinished(() => void vi.unstubAllEnvs());
});

describe("the proxy of the environment", () => {
  test("is chosen by the scheme, with ws as http and wss as https", async () => {
    environment({ http_proxy: "http://plain:1", HTTPS_PROXY: "https://secure:2" });
    expect(await found("ws://opamp.example.com:4320/v1/opamp")).toBe("http://plain:1/");
    expect(await found("http://opamp.example.com")).toBe("http://plain:1/");
    expect(await found("wss://opamp.example.com")).toBe("https://secure:2/");
    expect(await found("https://opamp.example.com")).toBe("https://secure:2/");
  });

  test("gets the client's own TLS options, without the server's name in them", async () => {
    environment({ HTTPS_PROXY: "https://secure:2" });
    const url = new URL("wss://opamp.example.com");
    const tls = { insecureSkipVerify: true };
    // The very object: what was read for it is kept for the next dial.
    expect((await proxyFor(url, { proxy: "env", tls }))?.tls).toBe(tls);
    expect((await proxyFor(url, { proxy: "env", tls: { ...tls, serverName: "other" } }))?.tls).toEqual(tls);
  });

  test("is that of ALL_PROXY if there is none for the scheme", async () => {
    environment({ ALL_PROXY: "socks5://joe:pw@any:3" });
    const proxy = await proxyFor(new URL("wss://opamp.example.com"), { proxy: "env", tls: undefined });
    expect(proxy).toMatchObject({ kind: "socks", username: "joe", password: "pw", headers: {}, secure: false });
    expect(proxy?.url.href).toBe("socks5://any:3");
  });

  verifies("PROXY-01", "uses http if only host and port are given, whatever the target", async () => {
    environment({ HTTPS_PROXY: "bare:8080", HTTP_PROXY: "[::1]:8081" });
    expect(await found("wss://opamp.example.com")).toBe("http://bare:8080/");
    expect(await found("ws://opamp.example.com")).toBe("http://[::1]:8081/");
  });

  test("does not apply to what NO_PROXY names", async () => {
    environment({ HTTPS_PROXY: "bare:8080", NO_PROXY: "one.example.com, .inner.example.com, two.example.com:4320" });
    expect(await found("wss://one.example.com")).toBeUndefined();
    expect(await found("wss://a.inner.example.com")).toBeUndefined();
    expect(await found("wss://two.example.com:4320")).toBeUndefined();
    expect(await found("wss://two.example.com")).toBe("http://bare:8080/");
    environment({ NO_PROXY: "*" });
    expect(await found("wss://opamp.example.com")).toBeUndefined();
  });

  test("does not apply inside a cluster whose NO_PROXY names it", async () => {
    environment({ HTTP_PROXY: "bare:8080", HTTPS_PROXY: "bare:8080", NO_PROXY: "10.0.0.0/8,svc,cluster.local" });
    const inside = ["ws://10.96.0.20:4320", "wss://opamp.monitoring.svc", "ws://opamp.monitoring.svc.cluster.local"];
    for (const url of inside) expect(await found(url)).toBeUndefined();
    expect(await found("ws://11.96.0.20:4320")).toBe("http://bare:8080/");
  });

  test("is told by the names in lower case, unless they are empty, and not by those of npm", async () => {
    environment({ http_proxy: "lower:1", HTTP_PROXY: "upper:2", no_proxy: "", NO_PROXY: "upper.example.com" });
    environment({ npm_config_no_proxy: "*", npm_config_https_proxy: "npm:3", npm_config_proxy: "npm:3" });
    expect(await found("ws://opamp.example.com")).toBe("http://lower:1/");
    expect(await found("wss://opamp.example.com")).toBeUndefined();
    expect(await found("ws://upper.example.com")).toBeUndefined();
    environment({ no_proxy: "lower.example.com" });
    expect(await found("ws://upper.example.com")).toBe("http://lower:1/");
    expect(await found("ws://lower.example.com")).toBeUndefined();
  });

  test("never applies to this machine", async () => {
    environment({ HTTPS_PROXY: "bare:8080" });
    for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"]) {
      expect(await found(`wss://${host}`)).toBeUndefined();
    }
    expect(await found("wss://127.example.com")).toBe("http://bare:8080/");
  });

  test("is refused by its variable's name when it is not a proxy's URL", async () => {
    environment({ https_proxy: "gopher://joe:hunter2@host:1" });
    const error = await refusalOf(dialled("wss://opamp.example.com", { proxy: "env" }));
    expect(error.code).toBe("ERR_OPAMP_PROXY");
    expect(error.message).toBe("https_proxy: is for gopher, which is not supported");
  });

  test("is used by a dial", async () => {
    const server = await startPlain();
    const proxy = await startHttpProxy();
    environment({ HTTP_PROXY: `127.0.0.1:${proxy.port}` });
    await dialled(`ws://opamp.example.com:${server.port}`, { proxy: "env" });
    expect((await proxy.connects.next()).target).toBe(`opamp.example.com:${server.port}`);
  });
});

describe("a proxy that is given", () => {
  const proxy = { url: "http://joe:p%C3%A4ss@proxy:3128", headers: { "X-Tenant": "blue" } };

  test("applies to this machine too, whatever the environment says", async () => {
    environment({ HTTP_PROXY: "other:1", NO_PROXY: "*" });
    const resolved = await proxyFor(new URL("ws://127.0.0.1:4320"), { proxy, tls: undefined });
    expect(resolved?.url.href).toBe("http://proxy:3128/");
    expect(resolved?.headers).toEqual({
      "proxy-authorization": `Basic ${Buffer.from("joe:päss").toString("base64")}`,
      "x-tenant": "blue",
    });
  });

  test("can be turned off", async () => {
    environment({ HTTP_PROXY: "other:1" });
    expect(await proxyFor(new URL("ws://opamp.example.com"), { proxy: false, tls: undefined })).toBeUndefined();
  });

  test("takes the client's TLS options but for the server's name", async () => {
    const tls = { ca: "ca.pem", serverName: "opamp.example.com" };
    const resolved = await proxyFor(new URL("wss://a"), { proxy, tls });
    expect(resolved?.tls).toEqual({ ca: "ca.pem" });
    const own = await proxyFor(new URL("wss://a"), { proxy: { ...proxy, tls: { ca: "proxy.pem" } }, tls });
    expect(own?.tls).toEqual({ ca: "proxy.pem" });
  });
});

describe("a proxy's URL", () => {
  test.each([
    ["http://h", "http", "80"],
    ["https://h", "https", "443"],
    ["socks5://h", "socks5", "1080"],
    ["socks5h://h", "socks5h", "1080"],
    [" h:3128 ", "http", "3128"],
    ["http://h:3128/ignored?too", "http", "3128"],
  ])("%j means %s on port %s", (text, scheme, port) => {
    const address = parseProxyUrl(text);
    if (typeof address === "string") throw new Error(address);
    expect(address.url.protocol).toBe(`${scheme}:`);
    // A URL does not keep its scheme's own port.
    expect(address.url.port || { http: "80", https: "443" }[scheme]).toBe(port);
    expect(address.url.href).not.toContain("ignored");
  });

  verifies("PROXY-01", "that is empty or invalid is refused without showing it", () => {
    const wrong = [
      "",
      "  ",
      "http://",
      "http://:1",
      "socks4://h:1",
      "ftp://u:secret@h",
      "http://u:%zzsecret@h",
      "h:port",
    ];
    for (const text of [...wrong, `socks5://${"secret".repeat(50)}@h`]) {
      expect(parseProxyUrl(text)).toEqual(expect.any(String));
      expect(parseProxyUrl(text)).not.toContain("secret");
    }
  });
});
