import type { IncomingMessage } from "node:http";
import { type Complete, checkFunctions, text, wrongKind, wrongOption } from "../base/checks.js";
import { realTimers } from "../base/real-timers.js";
import {
  checkByRules,
  isAmount,
  isCapability,
  isFlag,
  isFunction,
  isListOf,
  isText,
  isTimes,
  isWholeNumber,
  type RulesFor,
} from "../base/rules.js";
import { MAX_TIMER_MS } from "../base/time.js";
import { type AgentToServer, ServerCapabilities } from "../gen/opamp/v1/opamp_pb.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../wire/limits.js";
import type { ServerAgent } from "./agents/server-agent.js";
import type { ServerToAgentFields } from "./answer.js";
import { type Auth, checkAuth } from "./auth.js";
import type { Refusal } from "./link/http-link.js";
import type { ServerTlsOptions } from "./link/server-tls.js";
import { checkSigningRequests, type SigningRequestsOptions } from "./signing/signing-options.js";

/**
 * What a message hook wants the answer to be: `undefined` for the usual one, fields to add to it, `null` for no answer at
 * all (on HTTP the request then stays open). An `errorResponse`, a `command` or an `instanceUid` makes these fields the
 * whole answer.
 */
export type Reply = ServerToAgentFields | null | undefined;

/**
 * Called for each message after the agent's record has taken it in. What it throws, or
 * returns and cannot be sent, becomes an error_response, and is in the text of waits that fail.
 */
export type MessageHook = (agent: ServerAgent, message: AgentToServer) => Reply | Promise<Reply>;

/** Time as a server needs it; `virtualClock()` of `opamp-client/testing` is one. */
export interface ServerClock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls back once, after `delayMs`. @returns what ends the wait */
  after(delayMs: number, callback: () => void): () => void;
  /** Milliseconds since the Unix epoch: certificates are dated by it. Default: the system's. */
  wallNow?(): number;
}

/** How an OpAMPServer is set up. */
export interface OpAMPServerOptions {
  /** The port to listen on. Default: 0, any free one. */
  port?: number | undefined;
  /** The address to listen on. Default: `127.0.0.1`. */
  host?: string | undefined;
  /** The path for both transports; others get 404. Default: `/v1/opamp`. */
  path?: string | undefined;
  /** The bits of ServerCapabilities to announce; 0 announces none. Default: all that the schema defines. */
  capabilities?: bigint | undefined;
  /** The custom capabilities to announce. Default: none. */
  customCapabilities?: readonly string[] | undefined;
  /** The limit on one message in bytes, after decompression (SIZE-09). Default: 64 MiB. */
  maxMessageBytes?: number | undefined;
  /**
   * How many entries to keep in the server's log, each agent's log, `attempts`, `malformed` and `tlsFailures`; older ones may
   * go. Default: all.
   */
  keepMessages?: number | undefined;
  /** Adds to answers, replaces or withholds them. */
  onMessage?: MessageHook | undefined;
  /**
   * Turns away an upgrade or a POST by returning a status. Asked after `refuseNext` and `misbehave`, before `auth`. What it
   * throws, or returns and is not a refusal, is 500, and is in the text of waits that fail.
   */
  onConnect?: ((request: IncomingMessage) => Refusal | undefined) | undefined;
  /** Speaks TLS on its port, and nothing else: wss and https. Default: none. */
  tls?: ServerTlsOptions | undefined;
  /**
   * Answers signing requests with certificates of an authority of the server's own, whose certificate is {@link OpAMPServer.ca}.
   * Needs the packages that `testCertificates` needs. Default: requests are kept for `agent.signingRequest`, and not dealt with.
   */
  signingRequests?: SigningRequestsOptions | undefined;
  /** Whom to let in; everybody else gets 401. Default: anybody. See {@link OpAMPServer.setAuth}. */
  auth?: Auth | undefined;
  /**
   * Agrees on permessage-deflate with agents that offer it, and gzips the answers to POSTs whose Accept-Encoding allows it.
   * Gzipped requests are understood either way. Default: false.
   */
  compression?: boolean | undefined;
  /**
   * Times attempts, and delays refusals that are to come late, such as a `virtualClock()`. Waits end in real time all the
   * same. Default: the system's.
   */
  clock?: ServerClock | undefined;
  /**
   * Whether the server keeps the process alive until it is closed, as a standalone server needs. A wait of the server
   * does so either way. Default: false.
   */
  keepAlive?: boolean | undefined;
}

const RULES: RulesFor<OpAMPServerOptions> = {
  port: isWholeNumber(0, 65_535),
  host: isText,
  path: (where, value) => {
    if (!text(where, value).startsWith("/")) throw wrongOption(where, "must begin with a slash");
  },
  capabilities: (where, value) => {
    if (typeof value !== "bigint") throw wrongKind(where, "a bigint", value);
  },
  customCapabilities: isListOf(isCapability),
  maxMessageBytes: isAmount,
  keepMessages: isTimes,
  onMessage: isFunction,
  onConnect: isFunction,
  // Looked at where it is used, since it may change.
  tls: () => undefined,
  signingRequests: checkSigningRequests,
  auth: (_, value) => checkAuth(value),
  compression: isFlag,
  clock: (where, value) => checkFunctions(where, value, ["now", "after"]),
  keepAlive: isFlag,
};

type Hooks = "onMessage" | "onConnect" | "tls" | "signingRequests" | "auth";

/** The options with every default in place. */
export type ServerSettings = Readonly<Pick<OpAMPServerOptions, Hooks> & Complete<Omit<OpAMPServerOptions, Hooks>>>;

const systemClock: ServerClock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    // Fake timers are those of the client under test.
    const timer = realTimers.setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS)).unref();
    return () => realTimers.clearTimeout(timer);
  },
};

/** What the schema defines; the object of an enum has the names among its values too. */
const ALL_CAPABILITIES = Object.values(ServerCapabilities)
  .filter((bit) => typeof bit === "number")
  .reduce((mask, bit) => mask | BigInt(bit), 0n);

/** Fills in the defaults. Throws ERR_OPAMP_OPTION naming the option that is wrong. */
export function settingsOf(options: OpAMPServerOptions): ServerSettings {
  checkByRules("", options, RULES);
  return {
    ...options,
    port: options.port ?? 0,
    host: options.host ?? "127.0.0.1",
    path: options.path ?? "/v1/opamp",
    capabilities: options.capabilities ?? ALL_CAPABILITIES,
    customCapabilities: [...(options.customCapabilities ?? [])],
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    keepMessages: options.keepMessages ?? Number.POSITIVE_INFINITY,
    compression: options.compression ?? false,
    clock: options.clock ?? systemClock,
    keepAlive: options.keepAlive ?? false,
  };
}
