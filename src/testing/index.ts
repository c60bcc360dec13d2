export type { WaitOptions } from "../base/wait-options.js";
export type { ReportedParts } from "../server/agents/agent-record.js";
export type { OfferedFile } from "../server/agents/offers.js";
export type {
  EffectiveFile,
  ReceivedCustomMessage,
  ReportedConfig,
  ReportedSettings,
} from "../server/agents/plain-values.js";
export type { ReportedAgent } from "../server/agents/reported-agent.js";
export type { ServerAgent } from "../server/agents/server-agent.js";
export type {
  OfferedCertificate,
  OfferedConnection,
  OfferedOpAMP,
  OfferedOther,
  OfferedProxy,
  OfferedSettings,
  OfferedTls,
} from "../server/agents/settings-offer.js";
export type { IssueCertificateOptions } from "../server/agents/signing.js";
export type { ServerToAgentFields } from "../server/answer.js";
export type { Auth, BasicCredentials } from "../server/auth.js";
export type { Refusal } from "../server/link/http-link.js";
export type { AgentLink, AgentLinkCounts, LinkCounts, ServerLinkCounts, TransportName } from "../server/link/link.js";
export type { AgentEnd, ServerEnd } from "../server/link/memory-link.js";
export type { ClientCertificate, ServerTlsOptions, TlsFailure, TlsPeer } from "../server/link/server-tls.js";
export type { Attempt } from "../server/listen/attempts.js";
export type { Traffic } from "../server/listen/connections.js";
export type { LogEntry, MalformedInput, ReceivedEntry, SentEntry } from "../server/message-log.js";
export type {
  AgentMisbehaviour,
  ConnectMisbehaviour,
  MessageMisbehaviour,
  Misbehaviour,
  RequestMisbehaviour,
} from "../server/misbehave/misbehaviour.js";
export type { ScriptedRefusal, Throttle } from "../server/misbehave/orders.js";
export { OpAMPServer } from "../server/opamp-server.js";
export type { MessageHook, OpAMPServerOptions, Reply, ServerClock } from "../server/server-options.js";
export type { SigningOptions, SigningRequest, SigningRequestsOptions } from "../server/signing/signing-options.js";
export type { PlainValue } from "../values/plain-attributes.js";
export {
  type IssueOptions,
  type TestCertificate,
  type TestCertificates,
  type TestCertificatesOptions,
  testCertificates,
} from "./certificates.js";
export { FaultProxy } from "./fault-proxy.js";
export type { FaultProxyTarget } from "./fault-proxy-connection.js";
export type { ByteCounts, Direction, FaultDirection, FaultTiming } from "./fault-proxy-faults.js";
export type { FaultProxyConnections, FaultProxyOptions } from "./fault-proxy-options.js";
export type { RefusedStatus } from "./memory-losses.js";
export { type MemoryNetwork, type MemoryTransportOptions, memoryTransport } from "./memory-network.js";
export type { MemoryTransport } from "./memory-transport.js";
export { type VirtualClock, virtualClock } from "./virtual-clock.js";
