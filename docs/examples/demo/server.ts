// The server as a process of its own, so that it can be killed. It does what the demo orders and tells what it logs.
import { OpAMPServer, type ReceivedEntry, type SentEntry } from "opamp-client/testing";
import { hex, now, type Offer, PIPELINES, type Received, type ServerOrder, type ServerSaid, tell } from "./messages.js";

const STATUS_WORDS = ["UNSET", "APPLIED", "APPLYING", "FAILED"];

let server: OpAMPServer | undefined;
let told = 0;
const sockets = new WeakSet<object>();

/** Tells what has come into the log since the last call, and since when it may have been there. */
function tellLog(at: number): void {
  const news = server?.log.slice(told) ?? [];
  told += news.length;
  for (const entry of news) tell(entry.direction === "in" ? received(entry) : sent(entry), at);
}

async function listen(port: number): Promise<OpAMPServer> {
  return OpAMPServer.start({
    port,
    keepAlive: true,
    customCapabilities: [PIPELINES],
    onConnect({ socket, headers }) {
      if (!sockets.has(socket)) tell({ what: "connection", over: headers.upgrade === undefined ? "http" : "ws" });
      sockets.add(socket);
      return undefined;
    },
    onMessage() {
      // The answer is in the log only after this has returned.
      const at = now();
      queueMicrotask(() => tellLog(at));
      return undefined;
    },
  });
}

function received({ uid, message }: ReceivedEntry): Received {
  const { health, effectiveConfig, remoteConfigStatus, customCapabilities, customMessage } = message;
  const attributes = message.agentDescription?.identifyingAttributes.map(({ value }) => value?.value.value);
  const [file] = Object.values(effectiveConfig?.configMap?.configMap ?? {});
  return {
    what: "received",
    uid,
    sequenceNum: Number(message.sequenceNum),
    ...(attributes && { agent: attributes.join(" ") }),
    ...(health && {
      health: { status: health.status, components: Object.keys(health.componentHealthMap) },
    }),
    ...(file && { effectiveConfig: text(file.body) }),
    ...(remoteConfigStatus && {
      remoteConfig: {
        status: STATUS_WORDS[remoteConfigStatus.status] ?? String(remoteConfigStatus.status),
        hash: hex(remoteConfigStatus.lastRemoteConfigHash),
        error: remoteConfigStatus.errorMessage,
      },
    }),
    ...(customCapabilities && { customCapabilities: customCapabilities.capabilities }),
    ...(customMessage && { custom: { type: customMessage.type, text: text(customMessage.data) } }),
    disconnects: message.agentDisconnect !== undefined,
  };
}

function sent({ message: { remoteConfig, customMessage, flags } }: SentEntry): ServerSaid {
  return {
    what: "sent",
    ...(remoteConfig && { offer: hex(remoteConfig.configHash) }),
    ...(customMessage && { custom: customMessage.type }),
    asksForEverything: flags !== 0n,
  };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function offer(to: OpAMPServer, { uid, yaml }: Offer): void {
  to.agent(uid).offerConfig({ "collector.yaml": { body: yaml, contentType: "text/yaml" } });
}

async function obey(order: ServerOrder): Promise<void> {
  if (order.do === "listen") {
    server = await listen(order.port);
    if (order.offer !== undefined) offer(server, order.offer);
    tell({ what: "listening", port: server.port, urls: { ws: server.url, http: server.httpUrl } });
  } else if (server !== undefined) {
    const at = now();
    if (order.do === "offer") offer(server, order);
    else server.agent(order.uid).sendCustom(PIPELINES, order.type);
    tellLog(at);
  }
}

process.on("message", obey);
process.on("disconnect", () => process.exit());
