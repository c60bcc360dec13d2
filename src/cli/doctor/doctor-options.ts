import type { AgentConfig } from "../../agent/file/agent-config.js";
import { fileSecret } from "../../auth/file-secret.js";
import { bearerAuth } from "../../auth/static-credentials.js";
import { systemClock } from "../../client/clock.js";
import { MadeHeaders } from "../../client/connection/made-headers.js";
import { OpAMPError } from "../../errors.js";
import type { HeaderSource } from "../../transport/settings/headers.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { flagWords, mixedWords } from "../surface-words.js";
import { tokenIn } from "../token-file.js";
import type { DiagnoseOptions } from "./diagnosis.js";
import { type SettingsInForce, settingsChecks, sourceText, spareFiles } from "./settings-in-force.js";

/** As commander gives them: what is not on the command line and has no default is left out. */
export interface DoctorFlags extends Pick<TlsOptions, "ca" | "cert" | "key" | "serverName" | "insecureSkipVerify"> {
  config?: string;
  header?: Record<string, string>;
  tokenFile?: string;
  proxy: string;
  compression?: true;
  timeout: number;
  json?: true;
}

/** The default time limit of each step, in seconds. */
export const TIMEOUT_S = 10;
/** What the client says where it knows nothing of credentials: they are wrong, or not enough. */
const WRONG_CREDENTIALS = "check the credentials that `headers` supplies";
const WEAK_CREDENTIALS = "check what the credentials that `headers` supplies may do";
/** A host with its port or path, or by a name that cannot be a token. */
const HOST =
  /^(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:]+\]|[\w-]{1,63}(?:\.[\w-]{1,63})*(?=:\d{1,6}(?:\/|$)))(?::\d+)?(?:\/[\w./-]*)?$/i;
const HOST_NAME = /^(?:[a-z][a-z\d-]{0,30}\.)+[a-z]{2,12}(?:\/v1\/opamp)?$/;

/**
 * What is given as a flag comes before what is in the file, and that lies below what its agent was offered and took. A URL
 * is another server, for which the file alone counts.
 */
export function optionsOf(
  url: string | undefined,
  flags: DoctorFlags,
  file: AgentConfig | undefined,
  inForce: SettingsInForce | undefined,
): DiagnoseOptions {
  const { config: _file, header = {}, tokenFile, proxy, compression = false, timeout, json: _ofOutput, ...tls } = flags;
  const server = file?.extension.server;
  const dialled = url === undefined && inForce?.sinceMs !== undefined ? inForce.settings : undefined;
  const target = url ?? dialled?.endpoint.url.href ?? server?.endpoint;
  if (target === undefined) {
    const hint = "give the server's URL, or --config with the file of opamp agent";
    throw new OpAMPError("ERR_OPAMP_OPTION", "there is no server to check", { hint });
  }
  const authorization = dialled?.endpoint.authorization;
  const ownHeaders = [server?.headers ?? {}, server?.auth ?? {}];
  // As for the agent: what is offered is sent also where a helper fails.
  const made = new MadeHeaders({ clock: systemClock(true), limitMs: timeout * 1_000, failed: () => {} });
  const headers: HeaderSource[] = [
    ...(authorization === undefined ? [] : [{ authorization }]),
    ...(dialled === undefined ? ownHeaders : (made.watched(dialled) ?? [])),
    header,
  ];
  const spare = spareFiles(dialled && inForce);
  const secrets: { where: string; read: () => Promise<unknown>; isSpare?: boolean }[] = (file?.needs ?? []).flatMap(
    ({ where, ...need }) =>
      need.kind === "secret" ? [{ where, read: fileSecret(need.name), isSpare: spare.credentials }] : [],
  );
  if (tokenFile !== undefined) {
    const read = tokenIn(tokenFile);
    headers.push(bearerAuth(read));
    secrets.push({ where: "--token-file", read });
  }
  const through = proxy === "env" ? (dialled?.proxy ?? proxy) : { url: proxy };
  const offered = dialled === undefined ? undefined : inForce?.snapshot;
  const sent = sentBy(target, flags, server, offered, authorization);
  const typed = typedIn(flags, server?.tls);
  const words = (text: string): string => (server === undefined ? flagWords(text) : mixedWords(text, typed));
  return {
    url: shownTarget(target),
    headers,
    tls: { ...(dialled === undefined ? server?.tls : dialled.tls), ...tls },
    named: { ...namedIn(server?.tls, spare), ...tls },
    mayLead: dialled && inForce?.mayLead,
    // What was typed is not what the server offered.
    hinted:
      sent !== "flags" && proxy === "env" && Object.keys(tls).length === 0 ? dialled && inForce?.hinted : undefined,
    settings: settingsSteps(url, inForce),
    proxy: proxy !== "none" && through,
    timeoutMs: timeout * 1_000,
    sendsHeaders: sent !== "nothing",
    secrets,
    compression,
    words: (text) => words(withSource(text, sent, server !== undefined)),
  };
}

type Offered = SettingsInForce["snapshot"];

/** The TLS files of the file that still count beside what was offered. */
function namedIn(tls: TlsOptions = {}, spare: ReturnType<typeof spareFiles>): TlsOptions {
  const { ca, cert, key, passphrase, ...others } = tls;
  return {
    ...others,
    ...(!spare.ca && ca !== undefined && { ca }),
    ...(!spare.identity && cert !== undefined && { cert, key, passphrase }),
  };
}

function settingsSteps(url: string | undefined, inForce: SettingsInForce | undefined): DiagnoseOptions["settings"] {
  if (inForce === undefined) return [];
  if (url === undefined) return settingsChecks(inForce, Date.now());
  const detail = `those of the file, since a URL was given; the agent itself goes to ${sourceText(inForce)}`;
  return inForce.sinceMs === undefined ? [] : [() => ({ detail })];
}

/** What has no scheme may be a token that lost its option: it is kept only where it can be told from one. */
export function shownTarget(target: string): string {
  return target.includes("://") || HOST.test(target) || HOST_NAME.test(target) ? target : "...";
}

/** Where the credentials that count come from. */
type Sent = "flags" | "offer" | "file" | "url" | "nothing";

function sentBy(
  target: string,
  { header = {}, tokenFile }: DoctorFlags,
  server: Server | undefined,
  offered: Offered | undefined,
  authorization: string | undefined,
): Sent {
  const isAny = (headers: object = {}): boolean => Object.keys(headers).length > 0;
  const isAuthorization = (headers: object = {}): boolean =>
    Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  if (tokenFile !== undefined || isAuthorization(header)) return "flags";
  if (isAny(offered?.headers)) return "offer";
  if (server?.auth !== undefined || isAuthorization(server?.headers)) return "file";
  if (authorization !== undefined || /^[a-z]+:\/\/[^/?#]*@/i.test(target)) return "url";
  if (isAny(header)) return "flags";
  return isAny(server?.headers) ? "file" : "nothing";
}

type Server = AgentConfig["extension"]["server"];

function withSource(text: string, sent: Sent, hasFile: boolean): string {
  const replaced = (wrong: string, weak: string): string =>
    text.replace(WRONG_CREDENTIALS, wrong).replace(WEAK_CREDENTIALS, weak);
  switch (sent) {
    case "url":
      return replaced("check the user and password in the URL", "check what the user in the URL may do");
    case "offer":
      return replaced(
        "have the server offer credentials that count, or write another connection_settings.epoch to go back to the file",
        "check what the credentials that the server offered may do",
      );
    case "nothing": {
      const none = `no credentials were sent: give ${hasFile ? "headers or auth below the server" : "--token-file or -H"}`;
      return replaced(none, none);
    }
    case "file":
      return text.replaceAll("the credentials that `headers` supplies", "the credentials in headers and auth");
    case "flags":
      return text;
    default:
      return sent satisfies never;
  }
}

/** The options that were typed, by name; with one half of an identity the other one, unless the file has it. */
function typedIn(flags: DoctorFlags, ofFile: TlsOptions | undefined): ReadonlySet<string> {
  const { config: _file, json: _ofOutput, header, proxy, timeout, ...others } = flags;
  const typed = new Set(
    Object.keys(others).map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`),
  );
  if (header !== undefined) typed.add("-H");
  if (proxy !== "env") typed.add("--proxy");
  if (timeout !== TIMEOUT_S) typed.add("--timeout");
  if (flags.cert !== undefined && ofFile?.key === undefined) typed.add("--key");
  if (flags.key !== undefined && ofFile?.cert === undefined) typed.add("--cert");
  return typed;
}
