import { runCrowd } from "./crowd.js";
import { LoopServer } from "./loop-server.js";
import { Reports, readAnswer } from "./reports.js";

// The limit without a network: the messages alone, read and written.

await runCrowd(({ apply }) => {
  const reports = new Reports(apply);
  const server = new LoopServer((bytes) => {
    const { remoteConfig } = readAnswer(bytes);
    if (remoteConfig !== undefined) server.take(reports.applied(remoteConfig));
  });
  return {
    start: async () => server.take(reports.first()),
    stop: async () => undefined,
  };
});
