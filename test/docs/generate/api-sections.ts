/** One heading of an API page, and the sources whose exports stand below it. */
interface ApiSection {
  title: string;
  sources: RegExp;
  /** What comes before the others. */
  first?: readonly string[];
}

/** The headings of the API pages, in their order. An export stands below the first one that takes its source. */
export const apiSections: readonly ApiSection[] = [
  { title: "Client", sources: /^client\/(?:client|handlers\/custom-channels)\.ts$/ },
  { title: "Options", sources: /^client\/(?:options|run\/waiters)\.ts$/, first: ["OpAMPClientOptions"] },
  { title: "Events", sources: /^(?:client\/events|core\/(?:io|phases))\.ts$/, first: ["OpAMPClientEvents"] },
  {
    title: "Connection settings",
    sources: /^(?:client\/(?:connection|certificate)-options\.ts|connection-settings\/|certificates\/)/,
    first: ["ConnectionSettingsOptions", "OpAMPSettingsPolicy", "SettingsHandler", "CertificateOptions"],
  },
  { title: "Errors", sources: /^errors\.ts$/ },
  { title: "Values", sources: /^(?:values\/|core\/capabilities)/ },
  { title: "Stores", sources: /^store\// },
  { title: "Credentials", sources: /^auth\// },
  { title: "Network", sources: /^transport\/settings\// },
  { title: "Logs, counters and diagnostics", sources: /^(?:client\/observe|diagnostics)\// },
  { title: "The Collector's configuration", sources: /^extension\/(?:opamp-extension|config\/)/ },
  { title: "Description of the agent", sources: /^extension\/description\/(?!collector-components)/ },
  { title: "Health of components", sources: /^extension\/health\// },
  { title: "Effective config", sources: /^extension\/(?:effective-config|redact)\// },
  { title: "Components", sources: /^extension\/description\/collector-components/ },
  { title: "Processes", sources: /^extension\/(?:parent-watch|restart-by-signal)/ },
  {
    title: "Server",
    sources: /^server\/(?:opamp-server|server-options|waits|server-wait|auth|link\/server-tls)/,
    first: ["OpAMPServer"],
  },
  { title: "Agents, as the server sees them", sources: /^server\/(?:agents\/|answer|link\/link)/ },
  { title: "What came and went", sources: /^server\/(?:message-log|listen\/)/ },
  { title: "Refusals and misbehaviour", sources: /^server\/(?:misbehave\/|link\/http-link)/ },
  { title: "A network that fails", sources: /^testing\/fault-proxy/ },
  { title: "Certificates", sources: /^(?:testing\/certificates|server\/signing\/)/ },
  { title: "Transports and time", sources: /^(?:transport\/transport|client\/clock|core\/link\/backoff)/ },
  { title: "Virtual time", sources: /^(?:testing\/|server\/link\/memory-link)/ },
  { title: "Other", sources: /(?:)/ },
];
