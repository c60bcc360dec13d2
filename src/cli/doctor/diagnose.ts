import { loaded } from "../../base/load.js";
import { readNetworkSettings } from "../../client/settings/network-settings.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import { OpAMPError } from "../../errors.js";
import { beyondRedirect } from "../../transport/explain/connect-error.js";
import { insecurities } from "../../transport/insecure.js";
import { proxyFor } from "../../transport/proxy/proxy.js";
import { loadUndici } from "../../transport/undici.js";
import { isSecure, parseEndpoint, shownUrl } from "../../transport/url/endpoint.js";
import { checkName, checkSocket, checkTls } from "./check-connection.js";
import { checkExchange } from "./check-exchange.js";
import { fileChecks } from "./check-files.js";
import { type DiagnoseOptions, type Diagnosis, exitCodes, type Finding, type Step } from "./diagnosis.js";
import { describeRedirect, redirectStep } from "./explain-answers.js";
import { type Look, Steps, thrownOf } from "./steps.js";

/** What a connection that leads elsewhere may fail with. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "ERR_OPAMP_CONNECT",
  "ERR_OPAMP_PROXY",
  "ERR_OPAMP_TLS",
  "ERR_OPAMP_TIMEOUT",
]);
const redactor = createRedactor();

/**
 * Checks the path to a server step by step, as the client would take it, and ends with one report under a throw-away uid.
 *
 * @param told hears of each step as soon as it is done
 */
export async function diagnose(options: DiagnoseOptions, told: (step: Step) => void = () => {}): Promise<Diagnosis> {
  const steps = new Steps(options, redactor, told);
  const missing = await preload(options).then(nothing, thrownOf);
  await steps.take("url", () => {
    if (missing !== undefined) throw missing;
    return checkOptions(options);
  });
  if (!steps.failed) await steps.all("settings", options.settings);
  if (!steps.failed) await steps.all("files", fileChecks(options));
  for (const [name, look] of connectionSteps) {
    await steps.take(name, () => look(parseEndpoint(options.url).url, dialSettings(options), options.timeoutMs));
  }
  if (steps.failed) {
    await steps.take("open", notReached);
    await steps.take("report", notReached);
  } else await exchangeSteps(options, steps);
  const { exitCode } = steps;
  return { url: steps.shown(shownUrl(options.url)), ok: exitCode === exitCodes.healthy, exitCode, steps: steps.done };
}

/** The exchange, with the redirects on its way, and where they lead if that is what fails. */
async function exchangeSteps(options: DiagnoseOptions, steps: Steps): Promise<void> {
  const { url, kind } = parseEndpoint(options.url);
  const isWebSocket = kind === "websocket";
  const beganAt = performance.now();
  const { opened, answered, seen, ended } = checkExchange(options);
  const failure = await (isWebSocket ? opened : answered).then(nothing, thrownOf);
  const endedAt = performance.now();
  for (const redirect of seen.redirects) {
    const about = { redirect: redirectStep(redirect) };
    await steps.take("redirect", () => describeRedirect(redirect, url, options.sendsHeaders), about);
  }
  const to = seen.redirects.at(-1)?.next;
  if (to instanceof URL && to.origin !== url.origin && OF_CONNECTION.has(failure?.code ?? "")) {
    for (const [name, look] of connectionSteps) {
      await steps.take(name, () => beyond(url, to, () => look(to, dialSettings(options), options.timeoutMs)));
    }
  }
  const { retryAfterMs } = seen;
  if (isWebSocket) await steps.take("open", () => opened, { beganAt, endedAt, retryAfterMs });
  else await steps.take("open", () => ({ detail: "not used with HTTP polling", skipped: true }));
  await answered.then(nothing, nothing);
  const about = { beganAt: seen.sentAt ?? beganAt, retryAfterMs: seen.retryAfterMs };
  await steps.take("report", () => answered, about);
  await ended;
}

/** With who redirects there in what goes wrong. */
async function beyond(from: URL, to: URL, look: Look): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    throw error instanceof OpAMPError ? beyondRedirect(error, from, to) : error;
  }
}

const connectionSteps = [
  ["resolve", checkName],
  ["connect", checkSocket],
  ["tls", checkTls],
] as const;

/** What would be loaded on demand, so that times are those of the network. */
async function preload({ url }: DiagnoseOptions): Promise<void> {
  const isHttp = /^\s*http/i.test(url);
  await Promise.all([isHttp ? loadUndici() : loaded("ws", import("ws")), import("../../transport/tls/tls.js")]);
}

/** Whether the client would take the options, and where they lead. */
async function checkOptions(options: DiagnoseOptions): Promise<Finding> {
  const { kind, url } = parseEndpoint(options.url);
  readNetworkSettings(options);
  const settings = dialSettings(options);
  const how = kind === "websocket" ? "WebSocket" : "HTTP polling";
  const via = await proxyFor(url, settings);
  const way = via === undefined ? "" : ` through the proxy ${via.url.host}`;
  // Only in a whole URL are parts of a path known for secrets.
  const port = url.port === "" ? `:${isSecure(url.protocol) ? 443 : 80}` : "";
  const place = redactor.text(`${url.protocol}//${url.host}${port}${url.pathname}`).replace(/^\w+:\/\//, "");
  const detail = `${how} ${isSecure(url.protocol) ? "over TLS" : "in the clear"} to ${place}${way}`;
  const [first] = insecurities(url, settings.tls, settings.proxy);
  return first === undefined ? { detail } : { detail, warning: first.message, hint: first.hint };
}

/** What connections are made with. */
function dialSettings({ tls, proxy }: DiagnoseOptions) {
  return { tls, proxy: proxy ?? ("env" as const), keepAlive: true };
}

function notReached(): Finding {
  return { detail: "", skipped: true };
}

function nothing(): undefined {}
