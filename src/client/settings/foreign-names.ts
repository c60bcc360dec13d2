/**
 * What others call an option, in small letters: the Collector's extension and Supervisor, the Go client, the Elastic client, and
 * earlier versions of this one.
 */
export const foreignNames: Readonly<Record<string, string>> = {
  // Where the server is, and what is sent with each request.
  endpoint: "url",
  uri: "url",
  server: "url",
  serverurl: "url",
  opampserverurl: "url",
  header: "headers",
  httpheaders: "headers",
  headersfunc: "headers",
  auth: "headers",
  authorization: "headers",
  token: "headers",
  tlsconfig: "tls",
  ca: "tls.ca",
  connect: "tls",
  proxyurl: "proxy",
  enablecompression: "compression",
  // Who the agent is.
  agentdescription: "description",
  attributes: "description",
  identifyingattributes: "description.identifying",
  nonidentifyingattributes: "description.nonIdentifying",
  resource: "description",
  servicename: "description",
  id: "instanceUid",
  agentid: "instanceUid",
  instanceid: "instanceUid",
  uid: "instanceUid",
  capabilities: "withhold",
  // Time.
  heartbeatinterval: "heartbeat.intervalMs",
  heartbeatintervalms: "heartbeat.intervalMs",
  heartbeatintervalseconds: "heartbeat.intervalMs",
  pollinginterval: "heartbeat.intervalMs",
  pollingintervalms: "heartbeat.intervalMs",
  pollinterval: "heartbeat.intervalMs",
  connecttimeout: "timeouts.connectMs",
  timeout: "timeouts.answerMs",
  headerstimeout: "timeouts.answerMs",
  bodytimeout: "timeouts.answerMs",
  retry: "backoff",
  // What happens.
  onmessage: "remoteConfig",
  onremoteconfig: "remoteConfig",
  initialremoteconfigstatus: "store",
  remoteconfigstatus: "store",
  storage: "store",
  log: "logger",
  diag: "logger",
  diagenabled: "logger",
  customcapabilities: "client.customCapability()",
  maxcustommessages: "customMessages.max",
  custommessagems: "customMessages.ttlMs",
};

/** The same for the members of `tls`, as Node, the Collector and other tools call them. */
export const foreignTlsNames: Readonly<Record<string, string>> = {
  cacert: "ca",
  cafile: "ca",
  ca_file: "ca",
  certfile: "cert",
  cert_file: "cert",
  keyfile: "key",
  key_file: "key",
  insecure: "insecureSkipVerify",
  insecure_skip_verify: "insecureSkipVerify",
  rejectunauthorized: "insecureSkipVerify",
  ciphers: "cipherSuites",
};
