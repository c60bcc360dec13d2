import { performance } from "node:perf_hooks";
import { readNetworkSettings } from "../client/settings/network-settings.js";
import { oneLine } from "../diagnostics/one-line.js";
import { createRedactor } from "../diagnostics/redactor.js";
import { messageOf, OpAMPError } from "../errors.js";
import { insecurities } from "../transport/insecure.js";
import { proxyFor } from "../transport/proxy/proxy.js";
import { isSecure, parseEndpoint, shownUrl } from "../transport/url/endpoint.js";
import { checkName, checkSocket, checkTls } from "./check-connection.js";
import { checkExchange, type Exchange } from "./check-exchange.js";
import {
  type DiagnoseOptions,
  type Diagnosis,
  exitCodeOf,
  exitCodes,
  type Finding,
  type Step,
  type StepName,
} from "./diagnosis.js";

/**
 * Goes the way to a server step by step, as the client would, and ends with one report under a throw-away uid.
 *
 * @param told hears of each step as soon as it is done
 */
export async function diagnose(options: DiagnoseOptions, told: (step: Step) => void = () => {}): Promise<Diagnosis> {
  const steps: Step[] = [];
  let exitCode: number = exitCodes.healthy;
  /** Much of it comes from the other side: none of it may move the cursor, pass for a line of its own, or show a secret. */
  const shown = (text: string): string => oneLine(options.words(text), redactor.text);

  async function take(name: StepName, look: () => Finding | Promise<Finding>): Promise<void> {
    const skipped: Step = { name, status: "skipped", detail: "not tried after the failure above" };
    const step = exitCode === exitCodes.healthy ? await tried(name, look) : skipped;
    steps.push(step);
    told(step);
  }

  async function tried(name: StepName, look: () => Finding | Promise<Finding>): Promise<Step> {
    const began = performance.now();
    try {
      const { detail, warning, hint, skipped: none } = await look();
      const status = none === true ? "skipped" : warning === undefined ? "ok" : "warning";
      const text = shown(warning === undefined ? detail : `${detail}; ${warning}`);
      const durationMs = Math.round(performance.now() - began);
      return { name, status, detail: text, ...(hint && { hint: shown(hint) }), ...(none !== true && { durationMs }) };
    } catch (thrown) {
      const error = thrown instanceof OpAMPError ? thrown : new OpAMPError("ERR_OPAMP_CONNECT", messageOf(thrown));
      exitCode = exitCodeOf(error, name);
      const durationMs = Math.round(performance.now() - began);
      const [detail, hint] = [shown(error.message), shown(error.hint)];
      return { name, status: "failed", detail, hint, code: error.code, durationMs };
    }
  }

  await take("url", () => checkOptions(options));
  for (const [name, look] of connectionSteps) {
    await take(name, () => look(parseEndpoint(options.url).url, dialSettings(options), options.timeoutMs));
  }
  let exchange: Exchange | undefined;
  await take("open", () => {
    exchange = checkExchange(options);
    return exchange.opened;
  });
  await take("report", () => exchange?.answered ?? { detail: "", skipped: true });
  await exchange?.ended;
  return { url: shown(shownUrl(options.url)), ok: exitCode === exitCodes.healthy, exitCode, steps };
}

const connectionSteps = [
  ["resolve", checkName],
  ["connect", checkSocket],
  ["tls", checkTls],
] as const;

const redactor = createRedactor();

/** Whether the client would take the options, and where they lead. */
async function checkOptions(options: DiagnoseOptions): Promise<Finding> {
  const { kind, url } = parseEndpoint(options.url);
  readNetworkSettings(options);
  const settings = dialSettings(options);
  const how = kind === "websocket" ? "WebSocket" : "HTTP polling";
  const via = await proxyFor(url, settings);
  const way = via === undefined ? "" : ` through the proxy ${via.url.host}`;
  // Only in a whole URL are parts of a path known for secrets.
  const place = redactor.text(`${url.protocol}//${url.host}${url.pathname}`).replace(/^\w+:\/\//, "");
  const detail = `${how} ${isSecure(url.protocol) ? "over TLS" : "in the clear"} to ${place}${way}`;
  const [first] = insecurities(url, settings.tls, settings.proxy);
  return first === undefined ? { detail } : { detail, warning: first.message, hint: first.hint };
}

/** What connections are made with. */
function dialSettings({ tls, proxy }: DiagnoseOptions) {
  return { tls, proxy: proxy ?? ("env" as const), keepAlive: true };
}
