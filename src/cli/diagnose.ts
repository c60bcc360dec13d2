import { performance } from "node:perf_hooks";
import { messageOf, OpAMPError } from "../errors.js";
import { type Endpoint, parseEndpoint, redactUrl } from "../transport/endpoint.js";
import { insecurities } from "../transport/insecure.js";
import { proxyFor } from "../transport/proxy.js";
import { checkName, checkSocket, checkTls } from "./check-connection.js";
import { checkExchange } from "./check-exchange.js";
import {
  type DiagnoseOptions,
  type Diagnosis,
  exitCodeOf,
  exitCodes,
  type Finding,
  type Step,
  type StepName,
  stepNames,
} from "./diagnosis.js";

/**
 * Goes the way to a server step by step, as the client would, and ends with one report under a throw-away uid.
 *
 * @param told hears of each step as soon as it is done
 */
export async function diagnose(options: DiagnoseOptions, told: (step: Step) => void = () => {}): Promise<Diagnosis> {
  const steps: Step[] = [];
  let exitCode: number = exitCodes.healthy;
  let endpoint: Endpoint | undefined;

  async function take(name: StepName, look: () => Finding | Promise<Finding>): Promise<void> {
    const step = exitCode === exitCodes.healthy ? await tried(name, look) : skipped(name);
    steps.push(step);
    told(step);
  }

  async function tried(name: StepName, look: () => Finding | Promise<Finding>): Promise<Step> {
    const began = performance.now();
    try {
      const { detail, warning, hint, skipped: none } = await look();
      const status = none === true ? "skipped" : warning === undefined ? "ok" : "warning";
      const text = warning === undefined ? detail : `${detail}; ${warning}`;
      const durationMs = Math.round(performance.now() - began);
      return { name, status, detail: text, ...(hint && { hint }), ...(none !== true && { durationMs }) };
    } catch (thrown) {
      const error = thrown instanceof OpAMPError ? thrown : new OpAMPError("ERR_OPAMP_CONNECT", messageOf(thrown));
      exitCode = exitCodeOf(error, name);
      const durationMs = Math.round(performance.now() - began);
      return { name, status: "failed", detail: error.message, hint: error.hint, code: error.code, durationMs };
    }
  }

  for (const name of stepNames) {
    if (name === "url") {
      await take(name, async () => {
        endpoint = parseEndpoint(options.url);
        return describeEndpoint(endpoint, options);
      });
    } else if (name === "report") {
      // Found together with the step before.
      if (exitCode !== exitCodes.healthy) await take(name, nothing);
    } else if (name === "open") {
      if (endpoint === undefined || exitCode !== exitCodes.healthy) await take(name, nothing);
      else await exchange();
    } else {
      await take(name, () => connection(name));
    }
  }
  return { url: endpoint?.url.href.split("?")[0] ?? redactUrl(options.url), ok: exitCode === 0, exitCode, steps };

  function connection(name: "resolve" | "connect" | "tls"): Finding | Promise<Finding> {
    if (endpoint === undefined) return nothing();
    const look = { resolve: checkName, connect: checkSocket, tls: checkTls }[name];
    return look(endpoint.url, dialSettings(options), options.timeoutMs);
  }

  async function exchange(): Promise<void> {
    const outcome = checkExchange(options);
    await take("open", () => outcome.opened);
    await take("report", () => outcome.answered);
    await outcome.ended;
  }
}

function nothing(): Finding {
  return { detail: "", skipped: true };
}

function skipped(name: StepName): Step {
  return { name, status: "skipped", detail: "not tried after the failure above" };
}

/** What connections are made with. */
export function dialSettings({ tls, proxy }: DiagnoseOptions) {
  return { tls, proxy: proxy ?? ("env" as const), keepAlive: true };
}

async function describeEndpoint({ kind, url }: Endpoint, options: DiagnoseOptions): Promise<Finding> {
  const { tls, proxy } = dialSettings(options);
  const how = kind === "websocket" ? "WebSocket" : "HTTP polling";
  const secure = url.protocol === "wss:" || url.protocol === "https:";
  const via = await proxyFor(url, dialSettings(options));
  const way = via === undefined ? "" : ` through the proxy ${via.url.host}`;
  const detail = `${how} ${secure ? "over TLS" : "in the clear"} to ${url.host}${url.pathname}${way}`;
  const [first] = insecurities(url, tls, proxy);
  return first === undefined ? { detail } : { detail, warning: first.message, hint: first.hint };
}
