import type { OpAMPClientOptions, OpAMPSettingsPolicy } from "../../../src/index.js";
import { testCertificates } from "../../../src/testing/index.js";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { startServer, type TransportName } from "../fixture.js";
import type { GoServer } from "../go-server.js";
import { type OpAMPSettingsInit, secureServer, secureUrl, token } from "./moving.js";

/** An offer that comes to nothing. */
export interface Refusal {
  what: string;
  /** What is offered. @param next a server that an agent could be moved to */
  offer(next: GoServer, transport: TransportName): OpAMPSettingsInit | Promise<OpAMPSettingsInit>;
  /** What the server is told; shown also is which rule it was, not just that there was one. */
  text: RegExp;
  policy?: OpAMPSettingsPolicy;
  options?: Omit<Partial<OpAMPClientOptions>, "clock">;
}

/** Too short for any wait between two attempts, and long enough for one attempt. */
const BRIEF = { verifyMs: 300 };
const PATIENT_MS = 20_000;

const at = (next: GoServer, transport: TransportName, path = "/v1/opamp") => {
  const url = new URL(path, next.url(transport));
  return { destinationEndpoint: url.href, ...token("offered") };
};

async function goneServer(): Promise<GoServer> {
  const server = await startServer();
  await server.stop();
  return server;
}

/** Certificates that a server may offer, most of them of no use. */
const authority = await testCertificates();
const [late, foreign] = await Promise.all([
  authority.issue({ usage: "client", notAfter: new Date(Date.now() - 86_400_000) }),
  authority.issue({ usage: "client" }),
]);

/** What is refused by looking at it: the old server is not left. */
export const unseen: readonly Refusal[] = [
  {
    what: "a host outside the allow-list",
    offer: (_, transport) => ({ destinationEndpoint: `${transport}://192.0.2.1/v1/opamp`, ...token("offered") }),
    text: /destination_endpoint \(.*192\.0\.2\.1.*\) is not one that this agent may be moved to/,
  },
  {
    what: "a port outside the allow-list",
    offer: (next, transport) => at(next, transport),
    policy: { endpoints: ["127.0.0.1:1"] },
    text: /is not one that this agent may be moved to/,
  },
  {
    what: "a server without TLS to an agent that wants it",
    offer: (next, transport) => at(next, transport),
    policy: { allowCleartext: false },
    text: /is not encrypted \(offer wss or https/,
  },
  {
    what: "TLS without verification",
    offer: (next, transport) => ({ ...at(next, transport), tls: { insecureSkipVerify: true } }),
    text: /insecure_skip_verify would have the agent trust any certificate/,
  },
  {
    what: "an older version of TLS",
    offer: (next, transport) => ({ ...at(next, transport), tls: { minVersion: "1.1" } }),
    text: /tls\.min_version \(1\.1\) is below the least version/,
  },
  { what: "nothing at all", offer: () => ({}), text: /opamp names nothing/ },
  {
    what: "something that is not an endpoint",
    offer: () => ({ destinationEndpoint: "not a url", ...token("offered") }),
    text: /destination_endpoint is not a server's URL/,
  },
  {
    what: "a scheme that is neither WebSocket nor HTTP",
    offer: () => ({ destinationEndpoint: "ftp://127.0.0.1/v1/opamp", ...token("offered") }),
    text: /destination_endpoint is not a server's URL/,
  },
  {
    what: "a password in the URL",
    offer: (_, transport) => ({ destinationEndpoint: `${transport}://me:hunter2@127.0.0.1/`, ...token("offered") }),
    text: /destination_endpoint \((?!.*hunter2).*\) has a user or a password/,
  },
  ...["Host", "Content-Length", "Transfer-Encoding", "Connection", "Sec-WebSocket-Key"].map((key) => ({
    what: `a header that is not for a server to set, ${key}`,
    offer: (next: GoServer, transport: TransportName) => ({
      ...at(next, transport),
      headers: { headers: [{ key, value: "offered" }] },
    }),
    text: new RegExp(`headers: "${key}" (is not for a server to set|cannot be sent)`),
  })),
  {
    what: "a line break in a header",
    offer: (next, transport) => ({
      ...at(next, transport),
      headers: { headers: [{ key: "Authorization", value: "Bearer offered\r\nX-Injected: 1" }] },
    }),
    text: /headers: "Authorization" cannot be sent/,
  },
  {
    what: "a proxy of no known kind",
    offer: (next, transport) => ({ ...at(next, transport), proxy: { url: "ftp://127.0.0.1:1" } }),
    text: /proxy\.url/,
  },
  ...[
    { what: "that is not PEM", cert: "none", privateKey: authority.client.key, text: /certificate\.cert/ },
    {
      what: "without its key",
      cert: authority.client.cert,
      privateKey: "",
      text: /certificate\.private_key is missing/,
    },
    {
      what: "with the key of another",
      cert: authority.client.cert,
      privateKey: foreign.key,
      text: /does not belong to/,
    },
    { what: "that has ended", cert: late.cert, privateKey: late.key, text: /certificate\.cert ended on/ },
    { what: "for servers", cert: authority.server.cert, privateKey: authority.server.key, text: /is not for clients/ },
  ].map(({ what, cert, privateKey, text }) => ({
    what: `a certificate ${what}`,
    offer: (next: GoServer, transport: TransportName) => ({
      ...at(next, transport),
      certificate: { cert: Buffer.from(cert), privateKey: Buffer.from(privateKey) },
    }),
    text,
  })),
  {
    what: "a certificate to an agent that would lose it",
    offer: (next, transport) => ({
      ...at(next, transport),
      certificate: { cert: Buffer.from(authority.client.cert), privateKey: Buffer.from(authority.client.key) },
    }),
    options: { store: undefined },
    text: /certificate would be lost with a restart/,
  },
  {
    what: "what its host does not want",
    offer: (next, transport) => at(next, transport),
    policy: {
      validate() {
        throw new Error("not during the day");
      },
    },
    text: /^not during the day$/,
  },
];

/** What is found out by leaving the old server, and trying. */
export const tried: readonly Refusal[] = [
  {
    what: "a name that does not resolve",
    offer: (_, transport) => ({ destinationEndpoint: `${transport}://opamp.invalid/v1/opamp`, ...token("offered") }),
    policy: { ...BRIEF, endpoints: ["opamp.invalid"] },
    text: /^not proved within 300 ms: .*resolve/,
  },
  {
    what: "a port where nobody listens",
    async offer(_, transport) {
      return at(await goneServer(), transport);
    },
    policy: BRIEF,
    text: /^not proved within 300 ms: .*refused/i,
  },
  {
    what: "a certificate that nobody is known to have issued",
    async offer(_, transport) {
      const secure = await secureServer(folderForTest());
      return { destinationEndpoint: secureUrl(secure, transport), ...token("offered") };
    },
    text: /certificate.*tls\.ca/,
  },
  {
    what: "a 401",
    async offer(next, transport) {
      await next.require({ Authorization: "Bearer another" });
      return at(next, transport);
    },
    text: /401/,
  },
  { what: "a 404", offer: (next, transport) => at(next, transport, "/elsewhere"), text: /404/ },
  { what: "a web page", offer: (next, transport) => at(next, transport, "/page"), text: /a web page/ },
  {
    what: "a WebSocket of something else",
    offer: (next, transport) => at(next, transport, "/text"),
    policy: BRIEF,
    text: /^not proved within 300 ms: .*text|answered 400/,
  },
  {
    what: "an upgrade, and no answer",
    async offer(next, transport) {
      await next.silent({ how: "hold", times: 0 });
      return at(next, transport);
    },
    policy: BRIEF,
    text: /^not proved within 300 ms: /,
  },
  {
    what: "a server that hangs up on each report",
    async offer(next, transport) {
      await next.silent({ how: "cut", times: 0 });
      return at(next, transport);
    },
    policy: BRIEF,
    text: /^not proved within 300 ms: /,
  },
  {
    what: "a server that fails each time",
    async offer(next, transport) {
      await next.reject(500, { times: 0 });
      return at(next, transport);
    },
    policy: BRIEF,
    text: /^not proved within 300 ms: .*500/,
  },
  {
    what: "a BAD_REQUEST",
    async offer(next, transport) {
      await next.reply({ errorResponse: { type: 1, errorMessage: "no such tenant" } });
      return at(next, transport);
    },
    text: /refused the report: no such tenant/,
  },
  ...[429, 503].map((status) => ({
    what: `a ${status} for longer than there is time`,
    async offer(next: GoServer, transport: TransportName) {
      await next.reject(status, { headers: { "Retry-After": "120" }, times: 0 });
      return at(next, transport);
    },
    policy: { verifyMs: PATIENT_MS },
    text: new RegExp(`^the server wants a longer pause than the ${PATIENT_MS} ms .*${status}`),
  })),
  {
    what: "UNAVAILABLE for longer than there is time",
    async offer(next, transport) {
      const retryInfo = { retryAfterNanoseconds: 120_000_000_000n };
      await next.reply({
        errorResponse: { type: 2, errorMessage: "busy", Details: { case: "retryInfo", value: retryInfo } },
      });
      return at(next, transport);
    },
    policy: { verifyMs: PATIENT_MS },
    text: new RegExp(`^the server wants a longer pause than the ${PATIENT_MS} ms .*UNAVAILABLE: busy`),
  },
  {
    what: "a redirect to elsewhere",
    async offer(next, transport) {
      await next.reject(302, { headers: { Location: "http://192.0.2.1/v1/opamp" }, times: 0 });
      return at(next, transport);
    },
    text: /redirect/,
  },
  {
    what: "a proxy that is not there",
    async offer(next, transport) {
      return { ...at(next, transport), proxy: { url: `http://127.0.0.1:${(await goneServer()).port}` } };
    },
    policy: BRIEF,
    text: /^not proved within 300 ms: .*proxy/,
  },
];
