import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { SocksClient } from "socks";
import { Client } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { freePort, startHttp, startWebSocket } from "../../transport/raw-servers.js";
import { type SocksProxy, type SocksProxyBehaviour, startSocksProxy } from "./socks-proxy.js";

/** Asks the proxy for a connection. Rejects with what the library makes of a refusal. */
async function connectBy(proxy: SocksProxy, target: string, login?: [user: string, password: string]): Promise<Socket> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const [userId, password] = login ?? [];
  const { socket } = await SocksClient.createConnection({
    proxy: {
      host: "127.0.0.1",
      port: proxy.port,
      type: 5,
      ...(userId !== undefined && { userId }),
      ...(password !== undefined && { password }),
    },
    command: "connect",
    destination: { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) },
    timeout: 5000,
  });
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe("a SOCKS proxy", () => {
  test("carries an undici request, whatever the name resolves to", async () => {
    const proxy = await startSocksProxy();
    const server = await startHttp((_, response) => void response.end("hello"));
    const port = Number(server.host.split(":")[1]);
    const client = new Client(`http://opamp.test:${port}`, {
      connect: ({ host }, done) => {
        connectBy(proxy, String(host)).then(
          (socket) => done(null, socket),
          (error) => done(error, null),
        );
      },
    });
    onTestFinished(() => client.destroy());
    const { body } = await client.request({ path: "/", method: "GET" });
    expect(await body.text()).toBe("hello");
    expect(proxy.targets.all).toEqual([`opamp.test:${port}`]);
  });

  test("carries a WebSocket, by address and with a login", async () => {
    const proxy = await startSocksProxy({ auth: "user:secret" });
    const server = await startWebSocket();
    const socket = await connectBy(proxy, server.host, ["user", "secret"]);
    const webSocket = new WebSocket(`ws://${server.host}/`, { createConnection: () => socket });
    const accepted = await server.accepted.next();
    webSocket.on("open", () => webSocket.send("hello"));
    const [message] = await once(accepted.socket, "message");
    expect(String(message)).toBe("hello");
    expect([proxy.targets.all, proxy.logins.all]).toEqual([[server.host], ["user:secret"]]);
    webSocket.terminate();
  });

  test("supports IPv6", async () => {
    const proxy = await startSocksProxy({ refuse: 8 });
    await expect(connectBy(proxy, "[2001:db8::1]:4320")).rejects.toThrow("AddressNotSupported");
    expect(proxy.targets.all).toEqual(["[2001:db8::1]:4320"]);
  });

  test.each<[string, SocksProxyBehaviour, [string, string] | undefined, string]>([
    ["a wrong login", { auth: "user:secret" }, ["user", "wrong"], "authentication failed"],
    ["a missing login if one is required", { auth: "user:secret" }, undefined, "no accepted authentication"],
    ["everything with a configured code", { refuse: 2 }, undefined, "NotAllowed"],
  ])("refuses %s", async (_, behaviour, login, words) => {
    const proxy = await startSocksProxy(behaviour);
    await expect(connectBy(proxy, "opamp.test:1", login)).rejects.toThrow(new RegExp(words, "i"));
  });

  test("reports that a target is unreachable, or another configured code", async () => {
    const proxy = await startSocksProxy();
    const target = `127.0.0.1:${await freePort()}`;
    await expect(connectBy(proxy, target)).rejects.toThrow("HostUnreachable");
    proxy.behave({ refuse: 5 });
    await expect(connectBy(proxy, target)).rejects.toThrow("ConnectionRefused");
  });

  test.each<[NonNullable<SocksProxyBehaviour["hang"]>, number[]]>([
    ["greeting", []],
    ["login", [5, 2]],
    ["request", [5, 2, 1, 0]],
  ])("keeps silent from the %s on", async (hang, answered) => {
    const proxy = await startSocksProxy({ auth: "u:p", hang });
    const socket = connect(proxy.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const heard: number[] = [];
    socket.on("data", (bytes) => heard.push(...bytes));
    const target = [1, 127, 0, 0, 1, 0, 1];
    socket.write(Buffer.from([5, 1, 2, 1, 1, 0x75, 1, 0x70, 5, 1, 0, ...target]));
    expect(await proxy.greetings.next()).toEqual([2]);
    if (hang === "request") await proxy.targets.next();
    if (hang === "login") await proxy.logins.next();
    // An answer to all of that would be read before the end of this connection.
    socket.end();
    proxy.drop();
    await once(socket, "close");
    expect(heard).toEqual(answered);
  });
});
