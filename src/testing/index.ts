export type { ServerToAgentFields } from "../server/answer.js";
export type { Attempt } from "../server/attempts.js";
export type { Auth, BasicCredentials } from "../server/auth.js";
export type { Traffic } from "../server/connections.js";
export type { ScriptedRefusal } from "../server/door.js";
export type { AgentLink, AgentLinkCounts, LinkCounts, ServerLinkCounts, TransportName } from "../server/link.js";
export type { AgentEnd, ServerEnd } from "../server/memory-link.js";
export type { LogEntry, ReceivedEntry, SentEntry } from "../server/message-log.js";
export type { Throttle } from "../server/message-script.js";
export type {
  AgentMisbehaviour,
  ConnectMisbehaviour,
  HttpMisbehaviour,
  MessageMisbehaviour,
  Misbehaviour,
  RequestMisbehaviour,
  WebSocketMisbehaviour,
} from "../server/misbehaviour.js";
export type { OfferedFile } from "../server/offers.js";
export { OpAMPServer } from "../server/opamp-server.js";
export type { EffectiveFile, PlainValue } from "../server/plain-values.js";
export type { MalformedInput, MessageHook, Reply } from "../server/receiver.js";
export type { Refusal } from "../server/refusal.js";
export type { ServerAgent } from "../server/server-agent.js";
export type { OpAMPServerOptions } from "../server/server-options.js";
export type { ClientCertificate, ServerTlsOptions, TlsFailure, TlsPeer } from "../server/server-tls.js";
export type { ServerClock } from "../server/timers.js";
export type { WaitOptions } from "../server/waits.js";
export {
  type IssueOptions,
  type TestCertificate,
  type TestCertificates,
  type TestCertificatesOptions,
  testCertificates,
} from "./certificates.js";
export { FaultProxy, type FaultProxyConnections, type FaultProxyOptions } from "./fault-proxy.js";
export type { Direction, FaultDirection, FaultTiming } from "./fault-proxy-faults.js";
export type { ByteCounts } from "./fault-proxy-stream.js";
export type { FaultProxyTarget } from "./fault-proxy-target.js";
export {
  type MemoryTransport,
  type MemoryTransportOptions,
  memoryTransport,
  type RefusedStatus,
} from "./memory-transport.js";
export { type VirtualClock, virtualClock } from "./virtual-clock.js";
