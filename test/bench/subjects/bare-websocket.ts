import { WebSocket } from "ws";
import { runCrowd } from "./crowd.js";
import { Reports, readAnswer } from "./reports.js";

// The limit over WebSocket: the same bytes on the same socket library, and nothing of a client.

await runCrowd(({ url, heartbeatMs, apply }) => {
  const reports = new Reports(apply);
  let socket: WebSocket | undefined;
  const start = (resolve: () => void, reject: (reason: Error) => void): void => {
    const opened = new WebSocket(url, { perMessageDeflate: false });
    socket = opened;
    const send = (payload: Uint8Array): void => {
      const message = new Uint8Array(payload.length + 1);
      message.set(payload, 1);
      opened.send(message);
    };
    opened.on("error", reject);
    opened.on("open", () => {
      send(reports.first());
      if (heartbeatMs > 0) setInterval(() => send(reports.heartbeat()), heartbeatMs).unref();
    });
    opened.on("message", (data) => {
      if (!Buffer.isBuffer(data)) return;
      resolve();
      const { remoteConfig } = readAnswer(data.subarray(1));
      if (remoteConfig !== undefined) send(reports.applied(remoteConfig));
    });
  };
  return {
    start: () => new Promise<void>(start),
    async stop() {
      socket?.terminate();
    },
  };
});
