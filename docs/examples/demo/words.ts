import { changedLines } from "./collector-config.js";
import { type AgentSaid, PIPELINES, type Received, type ServerSaid } from "./messages.js";

type Lines = readonly string[];

/** What the agent says, for people; nothing for what the server shows better. */
export function agentWords(said: AgentSaid): Lines {
  switch (said.what) {
    case "phase":
      return phaseWords(said);
    case "checking":
      return [`checks configuration ${short(said.hash)}`];
    case "written":
      return [`writes ${said.path}, ${said.bytes} bytes`];
    case "custom":
      return [`receives the custom message "${said.type}" of ${PIPELINES}`];
    case "unable":
      return [`cannot run: ${said.error}`];
    case "log":
      return [];
    default:
      return said satisfies never;
  }
}

/** The same where there is no server to watch: with the client's own log lines. */
export function loneAgentWords(said: AgentSaid): Lines {
  if (said.what === "log") return [said.text];
  return said.what === "phase" ? [] : agentWords(said);
}

/** What a server says, for people; nothing for polls, heartbeats and bare answers. */
export function serverWords(): (said: ServerSaid) => Lines {
  let effectiveConfig: string | undefined;
  return (said) => {
    switch (said.what) {
      case "listening":
        return [`listens on port ${said.port}`];
      case "connection":
        return [said.over === "ws" ? "accepts a WebSocket" : "accepts a connection with a POST"];
      case "received": {
        const before = effectiveConfig;
        effectiveConfig = said.effectiveConfig ?? before;
        return receivedWords(said, before);
      }
      case "sent":
        return sentWords(said);
      default:
        return said satisfies never;
    }
  };
}

function receivedWords(received: Received, configBefore: string | undefined): Lines {
  const { agent, health, effectiveConfig, remoteConfig, customCapabilities, custom, disconnects } = received;
  const parts: string[] = [];
  if (disconnects) parts.push("agent_disconnect");
  if (remoteConfig !== undefined) {
    const { status, hash } = remoteConfig;
    parts.push(hash.length === 0 ? "no remote config yet" : `${status} for ${short(hash)}`);
  }
  if (remoteConfig !== undefined && remoteConfig.error !== "") parts.push(`reason: ${remoteConfig.error}`);
  if (agent !== undefined) parts.push(`description: ${agent}`);
  if (health !== undefined) parts.push(`health: ${health.status}, with ${health.components.join(", ")}`);
  if (customCapabilities !== undefined) parts.push(`custom capability: ${customCapabilities.join(", ")}`);
  if (custom !== undefined) parts.push(`custom message "${custom.type}" of ${PIPELINES}: ${custom.text}`);
  if (effectiveConfig !== undefined) {
    const changes = configBefore === undefined ? [] : changedLines(configBefore, effectiveConfig);
    parts.push(`effective config: ${Buffer.byteLength(effectiveConfig)} bytes`, ...changes);
  }
  if (agent !== undefined) parts.unshift("a full report");
  const [first, ...others] = parts;
  return first === undefined ? [] : [`receives message ${received.sequenceNum}: ${first}`, ...others];
}

function sentWords({ asksForEverything, offer, custom }: Extract<ServerSaid, { what: "sent" }>): Lines {
  const things: string[] = [];
  if (asksForEverything) things.push("asks for a full report");
  if (offer !== undefined) things.push(`offers configuration ${short(offer)}`);
  if (custom !== undefined) things.push(`sends the custom message "${custom}" of ${PIPELINES}`);
  return things.length === 0 ? [] : [things.join(" and ")];
}

/** What a phase of the connection means, for people. */
export function phaseWords({ phase, previous, error, retryInMs }: Extract<AgentSaid, { what: "phase" }>): Lines {
  switch (phase) {
    case "connecting":
      return ["connects"];
    case "online":
      return ["is online: the server has answered"];
    case "waiting": {
      const what = previous === "online" ? "has lost the server" : "cannot connect";
      const when = retryInMs < 50 ? "at once" : `in ${(retryInMs / 1000).toFixed(1)} s`;
      return [`${what}, tries again ${when}`, error];
    }
    case "closing":
      return ["disconnects"];
    case "stopped":
      return ["has stopped"];
    case "idle":
    case "reporting":
      return [];
    default:
      return phase satisfies never;
  }
}

function short(hash: string): string {
  return hash.slice(0, 8);
}
