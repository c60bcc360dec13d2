// What every agent may use, whether or not it is configured as the Collector's extension is.

export { describeService, type ServiceDescription } from "./description/describe-service.js";
export { hostAttributes, processAttributes } from "./description/host-attributes.js";
export type { ConfigFormat } from "./effective-config/config-text.js";
export {
  type ConfigEntry,
  type EffectiveConfigOptions,
  effectiveConfig,
  type ManyConfigs,
  type NamedConfigs,
  type ReadConfig,
  type SingleConfig,
} from "./effective-config/effective-config.js";
export type { EffectiveConfigProvider } from "./effective-config/reported-files.js";
export {
  type ComponentHandle,
  ComponentHealth,
  type ComponentHealthOptions,
  componentHealth,
} from "./health/component-health.js";
export { type ComponentStatus, componentStatuses, type StatusDetails } from "./health/component-status.js";
export { type ConfigRedactor, createConfigRedactor } from "./redact/config-redactor.js";
