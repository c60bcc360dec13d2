export { type ClientCredentialsOptions, clientCredentials } from "./auth/client-credentials.js";
export { fileSecret } from "./auth/file-secret.js";
export { apiKeyAuth, basicAuth, bearerAuth, type Secret } from "./auth/static-credentials.js";
export type { WaitOptions } from "./base/wait-options.js";
export type { CertificateOptions, CertificateRequestState } from "./client/certificate-options.js";
export { OpAMPClient } from "./client/client.js";
export type { Clock } from "./client/clock.js";
export type {
  ConnectionEvent,
  ConnectionFacts,
  ConnectionSettingsOptions,
  ConnectionState,
  MakeTransport,
  OpAMPSettingsPolicy,
  ProposedConnection,
  SettingsContext,
  SettingsHandler,
  Verdict,
} from "./client/connection-options.js";
export type {
  ConnectingEvent,
  InstanceUidEvent,
  OfferEvent,
  OnlineEvent,
  OpAMPClientEvents,
  PhaseEvent,
  ServerErrorEvent,
  StoppingEvent,
  WaitingEvent,
  WarningEvent,
} from "./client/events.js";
export type { CustomChannel } from "./client/handlers/custom-channels.js";
export type { ClientStats, CustomMessageStats, OfferStats } from "./client/observe/counters.js";
export type {
  ApplyDiagnostic,
  Diagnostic,
  DiagnosticChannels,
  FailureDiagnostic,
  PhaseDiagnostic,
  ReceiveDiagnostic,
  SendDiagnostic,
} from "./client/observe/diagnostics.js";
export type {
  ApplyContext,
  ChannelOptions,
  CounterLike,
  CustomMessageReceived,
  Handlers,
  HistogramLike,
  InstrumentOptions,
  MeterLike,
  OpAMPClientOptions,
  RemoteConfigHandler,
  SendOptions,
  Timeouts,
} from "./client/options.js";
export type { CertificateKeyType } from "./connection-settings/certificates/key-types.js";
export type { CertificateSubject, SubjectOf } from "./connection-settings/certificates/subject.js";
export type { ConnectionSettings } from "./connection-settings/laid-over.js";
export type { OtherSettings, SettingsMember, TelemetrySettings } from "./connection-settings/part-settings.js";
export type { CertificateFacts } from "./connection-settings/read-certificate.js";
export type { ClientCertificate, OfferedProxy, OfferedTls, OfferedVersion } from "./connection-settings/snapshot.js";
export type { CapabilityName, ServerCapabilityName } from "./core/capabilities.js";
export type { OfferKind, PhaseReason, Use } from "./core/io.js";
export { type BackoffBounds, backoffMs, DEFAULT_BACKOFF } from "./core/link/backoff.js";
export type { Phase } from "./core/phases.js";
export type { LogFields, Logger, LogLevel } from "./diagnostics/logger.js";
export { createRedactor, type RedactionLists, type Redactor } from "./diagnostics/redactor.js";
export { errorCodes, OpAMPError, type OpAMPErrorCode, type OpAMPErrorDetails } from "./errors.js";
export * from "./extension/helpers.js";
export { type FileStore, type FileStoreOptions, fileStore } from "./store/file-store.js";
export { memoryStore } from "./store/memory-store.js";
export type {
  Store,
  StoreBlobs,
  StoredCandidate,
  StoredConfig,
  StoredConnection,
  StoredFile,
  StoredOffer,
  StoredOther,
  StoredOthers,
  StoredRemoteConfig,
  StoredSettings,
  StoredState,
} from "./store/store.js";
export type {
  HeaderContext,
  HeaderFunction,
  HeaderRecord,
  HeaderSource,
  HeaderSources,
} from "./transport/settings/headers.js";
export type { ProxyOptions } from "./transport/settings/settings.js";
export type { Pem, TlsOptions, TlsVersion } from "./transport/settings/tls-options.js";
export { CLOSE_NOW, type Fate, type Loss, type Sink, type Transport } from "./transport/transport.js";
export type { Endpoint } from "./transport/url/endpoint.js";
export type { AttributeSource, Attributes, AttributeValue, ResourceLike } from "./values/attributes.js";
export { COMPONENTS_HASH, type Component, type Components } from "./values/components.js";
export type { ConfigFile, ConfigFiles, RemoteConfig } from "./values/config-files.js";
export type { AgentNames, DescribeAgent, Description } from "./values/description.js";
export type { Health } from "./values/health.js";
