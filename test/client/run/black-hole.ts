import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";

const LISTENER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ host: "0.0.0.0", port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    // Nobody accepts from here on.
    Atomics.wait(new Int32Array(workerData), 0, 0);
    process.exit();
  });
`;

/** A port that neither accepts nor refuses: a dial to it waits. It ends with the test. @returns the port */
export async function blackHole(): Promise<number> {
  const flag = new SharedArrayBuffer(4);
  const worker = new Worker(LISTENER, { eval: true, workerData: flag });
  const [port] = (await once(worker, "message")) as [number];
  // The queue for those who are not accepted yet is full with two; further ones are not answered.
  const waiting = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  for (const socket of waiting) socket.on("error", () => undefined);
  await Promise.all(waiting.map((socket) => once(socket, "connect")));
  onTestFinished(async () => {
    for (const socket of waiting) socket.destroy();
    const ended = once(worker, "exit");
    Atomics.store(new Int32Array(flag), 0, 1);
    Atomics.notify(new Int32Array(flag), 0);
    await ended;
  });
  return port;
}
