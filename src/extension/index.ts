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
export { type HostProbe, systemProbe } from "./description/host-attributes.js";
export * from "./helpers.js";
export { OpAMPExtension, type OpAMPExtensionEvents, type OpAMPExtensionOptions } from "./opamp-extension.js";
export { type Orphaned, type ParentWatchOptions, watchParent } from "./parent-watch.js";
export { restartBySignal, type SignalledProcess } from "./restart-by-signal.js";
