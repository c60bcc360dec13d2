import { Client } from "undici";
import { runCrowd } from "./crowd.js";
import { Reports, readAnswer } from "./reports.js";

// The limit over HTTP: the same POSTs by the same HTTP library, and nothing of a client.

await runCrowd(({ url, heartbeatMs, apply }) => {
  const reports = new Reports(apply);
  const { origin, pathname } = new URL(url);
  const client = new Client(origin);
  const headers = { "content-type": "application/x-protobuf" };
  const exchange = async (payload: Uint8Array) => {
    const { body } = await client.request({ method: "POST", path: pathname, headers, body: payload });
    return readAnswer(new Uint8Array(await body.arrayBuffer()));
  };
  /** One exchange after the other while there are offers, and then with every heartbeat. */
  const exchangeAll = async (payload: Uint8Array): Promise<void> => {
    let { remoteConfig } = await exchange(payload);
    while (remoteConfig !== undefined) ({ remoteConfig } = await exchange(reports.applied(remoteConfig)));
    setTimeout(() => void exchangeAll(reports.heartbeat()), heartbeatMs).unref();
  };
  return {
    async start() {
      const { remoteConfig } = await exchange(reports.first());
      void exchangeAll(remoteConfig === undefined ? reports.heartbeat() : reports.applied(remoteConfig));
    },
    stop: () => client.destroy(),
  };
});
