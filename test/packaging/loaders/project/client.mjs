import { OpAMPClient } from "opamp-client";

const client = new OpAMPClient({
  url: "ws://127.0.0.1:1",
  description: { identifying: { "service.name": "bundled" } },
  keepAlive: true,
  logger: console,
});
client.start();
await client.connected({ timeoutMs: 5_000 }).catch(({ hint }) => console.log(hint));
