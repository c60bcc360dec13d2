export type { ExtensionConfig } from "./config/extension-config.js";
export { type EnvOptions, type FromEnvOptions, fromEnv } from "./config/from-env.js";
export { type ExtensionHost, fromExtensionConfig } from "./config/from-extension-config.js";
export { type ConfigOptions, type ReadOptions, readExtensionConfig } from "./config/read-extension-config.js";
export {
  type CollectorComponents,
  type ComponentTypes,
  collectorComponents,
  componentsFromList,
} from "./description/collector-components.js";
export { describeService, type ServiceDescription } from "./description/describe-service.js";
export { type HostProbe, hostAttributes, processAttributes, systemProbe } from "./description/host-attributes.js";
export type { ConfigFormat } from "./effective-config/config-text.js";
export {
  type ConfigEntry,
  type EffectiveConfigOptions,
  type EffectiveConfigProvider,
  effectiveConfig,
  type ManyConfigs,
  type NamedConfigs,
  type ReadConfig,
  type SingleConfig,
} from "./effective-config/effective-config.js";
export {
  type ComponentHandle,
  ComponentHealth,
  type ComponentHealthOptions,
  componentHealth,
} from "./health/component-health.js";
export { type ComponentStatus, componentStatuses, type StatusDetails } from "./health/component-status.js";
export { OpAMPExtension, type OpAMPExtensionEvents, type OpAMPExtensionOptions } from "./opamp-extension.js";
export { type Orphaned, type ParentWatchOptions, watchParent } from "./parent-watch.js";
export { type ConfigRedactor, createConfigRedactor } from "./redact/config-redactor.js";
export { restartBySignal, type SignalledProcess } from "./restart-by-signal.js";
