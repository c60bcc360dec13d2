import { describe, expect, test } from "vitest";
import type { HeaderContext } from "../../../src/transport/settings/headers.js";
import { verifies } from "../../conformance/verifies.js";
import { startHttp } from "../raw-servers.js";
import { connect, type Dialled, dial, type TestSettings } from "../recorder.js";

/** A server that accepts one token, over WebSocket and HTTP in so far as it says nothing to them but that. */
async function serve(accepted: () => string, status: number) {
  const seen: (string | undefined)[] = [];
  const server = await startHttp((request, response) => {
    seen.push(request.headers.authorization);
    const known = request.headers.authorization === accepted();
    // An upgrade is not made here: 404 stands for what comes after the credentials.
    if (known && request.headers.upgrade !== undefined) response.writeHead(404).end();
    else response.writeHead(known ? 204 : status).end();
  });
  return { ...server, seen };
}

/** A function that makes headers from a cache which only a refresh renews. */
function cached(): { headers: (context: HeaderContext) => { authorization: string }; asked: boolean[] } {
  const asked: boolean[] = [];
  let token = 1;
  const headers = ({ refresh }: HeaderContext) => {
    asked.push(refresh);
    if (refresh) token += 1;
    return { authorization: `Bearer ${token}` };
  };
  return { headers, asked };
}

const ways: Readonly<Record<string, (host: string, settings: TestSettings) => Promise<Dialled>>> = {
  WebSocket: async (host, settings) => dial(`ws://${host}/`, settings),
  HTTP: async (host, settings) => {
    const dialled = await connect(`http://${host}/`, settings);
    dialled.transport.send(Uint8Array.of(1));
    return dialled;
  },
};

describe.each(Object.entries(ways))("over %s", (name, begin) => {
  async function again({ transport, ear }: Dialled): Promise<void> {
    transport.open(ear.sink);
    if (name === "WebSocket") return;
    await ear.next("opened");
    transport.send(Uint8Array.of(1));
  }

  for (const status of [401, 403]) {
    verifies(["AUTH-01", "AUTH-02"], `the headers are refreshed once after ${status}`, async () => {
      const server = await serve(() => "Bearer 2", status);
      const { headers, asked } = cached();
      const dialled = await begin(server.host, { headers });
      const refused = await dialled.ear.lost();
      expect(refused).toMatchObject({ orderly: true, renewed: "credentials", throttled: false });
      expect(refused.error).toMatchObject({ code: "ERR_OPAMP_UNAUTHORIZED", httpStatus: status });
      await again(dialled);
      if (name === "HTTP") {
        await dialled.ear.payload();
        dialled.transport.send(Uint8Array.of(1));
        await dialled.ear.payload();
      } else {
        expect((await dialled.ear.lost()).error.httpStatus).toBe(404);
        await again(dialled);
        expect((await dialled.ear.lost()).error.httpStatus).toBe(404);
      }
      expect(server.seen).toEqual(["Bearer 1", "Bearer 2", "Bearer 2"]);
      expect(asked).toEqual([false, true, false]);
    });
  }

  verifies("AUTH-02", "headers that cannot change are not renewed", async () => {
    const server = await serve(() => "other", 401);
    const { ear } = await begin(server.host, { headers: { authorization: "Bearer 1" } });
    expect((await ear.lost()).renewed).toBeUndefined();
  });

  test("a source that fails during a refresh is refreshed again", async () => {
    const server = await serve(() => "Bearer 2", 401);
    const asked: boolean[] = [];
    const headers = ({ refresh }: HeaderContext) => {
      asked.push(refresh);
      if (asked.length === 2) throw new Error("no token now");
      return { authorization: "Bearer 1" };
    };
    const dialled = await begin(server.host, { headers });
    await dialled.ear.lost();
    await again(dialled);
    expect(await dialled.ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_HEADERS" } });
    await again(dialled);
    await dialled.ear.lost();
    expect(asked).toEqual([false, true, true]);
  });
});
