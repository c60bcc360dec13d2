export {
  type CollectorComponents,
  type ComponentTypes,
  collectorComponents,
  componentsFromList,
} from "./collector-components.js";
export {
  type ComponentHandle,
  ComponentHealth,
  type ComponentHealthOptions,
  componentHealth,
} from "./component-health.js";
export { type ComponentStatus, componentStatuses } from "./component-status.js";
export { type ConfigRedactor, createConfigRedactor } from "./config-redactor.js";
export type { ConfigFormat } from "./config-text.js";
export { describeService, type ServiceDescription } from "./describe-service.js";
export { type EffectiveConfigOptions, type EffectiveConfigProvider, effectiveConfig } from "./effective-config.js";
export type { ConfigEntry, ManyConfigs, NamedConfigs, ReadConfig, SingleConfig } from "./effective-source.js";
export type { ExtensionConfig } from "./extension-config.js";
export { type EnvOptions, type FromEnvOptions, fromEnv } from "./from-env.js";
export { type ExtensionHost, fromExtensionConfig } from "./from-extension-config.js";
export { hostAttributes } from "./host-attributes.js";
export { type HostProbe, systemProbe } from "./host-probe.js";
export { OpAMPExtension, type OpAMPExtensionEvents, type OpAMPExtensionOptions } from "./opamp-extension.js";
export { type Orphaned, type ParentWatchOptions, watchParent } from "./parent-watch.js";
export { processAttributes } from "./process-attributes.js";
export { type ConfigOptions, type ReadOptions, readExtensionConfig } from "./read-extension-config.js";
export { restartBySignal, type SignalledProcess } from "./restart-by-signal.js";
export type { StatusDetails } from "./status-event.js";
