import type { AgentConfig } from "../../agent/file/agent-config.js";
import { factsOf } from "../../client/connection/connection-facts.js";
import { type ConnectionLook, lookAtConnection } from "../../client/connection/connection-look.js";
import { hasSettings, unusedHint } from "../../client/run/unused-settings.js";
import { hasCode, messageOf, OpAMPError } from "../../errors.js";
import { peekStore } from "../../store/peek-store.js";
import { isRefused } from "../../store/store-error.js";
import { sourcesOf } from "../../transport/settings/headers.js";
import { shownUrl } from "../../transport/url/endpoint.js";
import { expiry, timeText } from "./check-files.js";
import type { Finding } from "./diagnosis.js";

/** The connection of an agent, and why that may not be known. */
export interface SettingsInForce extends ConnectionLook {
  /** Why what the server may have changed cannot be read; `undefined` where it was. */
  readonly unread: unknown;
  /** The file lets the server change nothing, so what is stored is not used. */
  readonly isUnused: boolean;
}

const UNUSED = "what the server had changed is not used, since the file accepts no connection settings";
const GO_BACK = "write another connection_settings.epoch into the file";

/**
 * What an agent with this file connects with; nothing is locked or changed, and the agent may be running.
 *
 * @returns `undefined` where the file lets the server change nothing, and nothing is stored that it had changed
 */
export async function settingsInForce(config: AgentConfig): Promise<SettingsInForce | undefined> {
  const first = await look(config);
  // The agent may have replaced what it had meanwhile.
  return first?.putAside === undefined ? first : look(config);
}

async function look({ extension, stateDirectory }: AgentConfig): Promise<SettingsInForce | undefined> {
  const { server, connectionSettings } = extension;
  const isUnused = !connectionSettings?.opamp;
  let unread: unknown;
  const options = {
    url: server.endpoint,
    description: { identifying: {} },
    headers: server.auth === undefined ? [server.headers] : [server.headers, server.auth],
    tls: server.tls,
    connectionSettings: isUnused ? { opamp: true } : connectionSettings,
  };
  const fails = (cause: unknown): undefined => {
    unread = cause;
  };
  const store = peekStore(stateDirectory, fails);
  // What a later version wrote, or another program, is a matter of the agent's start.
  const load = async () => Promise.resolve(store.load()).catch(fails);
  if (isUnused && !hasSettings((await load()) ?? {})) return undefined;
  const found = await lookAtConnection(isUnused ? options : { ...options, store: { ...store, load } });
  return found && { ...found, unread, isUnused };
}

/** Which files that the file names are not needed, since something that the server offered counts in their place. */
export function spareFiles(inForce: SettingsInForce | undefined) {
  if (inForce?.sinceMs === undefined) return { ca: false, identity: false, credentials: false };
  const { snapshot, settings } = inForce;
  const isAsked = sourcesOf(settings.headers).some((source) => typeof source === "function");
  return {
    ca: snapshot.tls?.ca !== undefined,
    identity: snapshot.certificate !== undefined,
    // What is offered is sent also where a helper fails.
    credentials: snapshot.headers !== undefined || !isAsked,
  };
}

/** What is to be said of it: where the settings come from, and for how long they last. */
export function settingsChecks(inForce: SettingsInForce, now: number): readonly (() => Finding)[] {
  const { settings, snapshot, candidate, refused, request } = inForce;
  const { certificate } = factsOf(settings);
  const isOffered = snapshot.certificate !== undefined && snapshot.certificate !== null;
  return [
    () => ({ detail: sourceText(inForce), ...doubts(inForce) }),
    ...(candidate === undefined ? [] : [() => trialFinding(candidate, refused)]),
    ...(request === undefined ? [] : [() => requestFinding(request)]),
    ...(isOffered && certificate !== undefined ? [() => checkEnd(certificate.validUntil, now)] : []),
  ];
}

function trialFinding({ endpoint }: ConnectionLook["settings"], refused: string | undefined): Finding {
  const place = shownUrl(endpoint.url.href);
  if (refused === undefined) return { detail: `on trial, and tried first by the next start: ${place}` };
  const hint = "nothing has to be done: the server is told why, and may offer other settings";
  return { detail: `on trial: ${place}`, warning: `the next start gives it up: ${refused}`, hint };
}

function requestFinding({ state, at, server }: NonNullable<ConnectionLook["request"]>): Finding {
  const detail = "a client certificate was asked for";
  const since = timeText(new Date(at));
  if (state === "requested") return { detail: `${detail}; ${server} has the request, since ${since}` };
  if (state === "refused") {
    const hint = "the agent's log has its reason; change connection_settings.certificates, then send SIGHUP";
    return { detail, warning: `${server} refused it on ${since}`, hint };
  }
  const hint = "the request goes to a server that issues certificates, over TLS that is verified";
  return { detail, warning: `no server has answered the request, made on ${since}`, hint };
}

/** Where the settings come from. */
export function sourceText({ settings, sinceMs }: SettingsInForce): string {
  // The step "url" names one of the environment.
  const proxy = typeof settings.proxy === "object" ? factsOf(settings).proxy : undefined;
  const through = proxy === undefined ? "" : ` through the proxy ${proxy}`;
  const place = `${shownUrl(settings.endpoint.url.href)}${through}`;
  if (sinceMs === undefined) return `${place}, as the file says`;
  return `${place}, as the server offered it, since ${timeText(new Date(sinceMs))}`;
}

function doubts({ putAside, unread, isUnused }: SettingsInForce): Pick<Finding, "warning" | "hint"> {
  if (isUnused) return { warning: UNUSED, hint: unusedHint };
  // The agent itself does not start.
  if (unread instanceof OpAMPError && unread.foreignStore) throw unread;
  if (unread !== undefined) {
    const why = messageOf(unread);
    const warning = `what the server may have changed cannot be read from storage.directory: ${why}`;
    return { warning, hint: hintFor(unread) };
  }
  if (putAside === undefined) return {};
  const hint = "nothing has to be done: the file counts, and the server may offer its settings again";
  return { warning: `what the server had changed will be put aside: ${putAside}`, hint };
}

function hintFor(unread: unknown): string {
  if (hasCode(unread, "EACCES", "EPERM"))
    return "run this as the user that the agent runs as; that one has to be able to read it, or the agent does not start";
  if (isRefused(unread)) return "make it readable: until then the agent does not start";
  return "the next start of the agent sets it aside, and goes by the file";
}

function checkEnd(validUntil: Date, now: number): Finding {
  const text = timeText(validUntil);
  if (validUntil.getTime() < now) {
    const hint = `have the server offer another one; to go back to the file, ${GO_BACK}`;
    throw new OpAMPError("ERR_OPAMP_TLS", `the client certificate from the server ended on ${text}`, { hint });
  }
  const detail = `the client certificate from the server is valid until ${text}`;
  return { detail, ...expiry(validUntil.toISOString(), now, "have the server offer another one in time") };
}
