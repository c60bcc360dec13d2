import { styleText } from "node:util";
import { Command, InvalidArgumentError } from "commander";
import type { AgentConfig } from "../../agent/file/agent-config.js";
import { fileSecret } from "../../auth/file-secret.js";
import { bearerAuth } from "../../auth/static-credentials.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { HeaderSource } from "../../transport/settings/headers.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { readAgentFile } from "../agent-file.js";
import { fileWords, flagWords } from "../surface-words.js";
import type { Terminal } from "../terminal.js";
import { diagnose } from "./diagnose.js";
import type { DiagnoseOptions, Diagnosis, Step } from "./diagnosis.js";

/** As commander gives them: what is not on the command line and has no default is left out. */
interface Flags extends Pick<TlsOptions, "ca" | "cert" | "key" | "serverName" | "insecureSkipVerify"> {
  config?: string;
  header?: Record<string, string>;
  tokenFile?: string;
  proxy: string;
  compression?: true;
  timeout: number;
  json?: true;
}

const MAX_TIMEOUT_S = 86_400;
/** What the client says where it knows nothing of credentials. */
const CREDENTIALS = "check the credentials that `headers` supplies";
const NONE_BY_FLAG = "no credentials were sent: give --token-file or -H";
const NONE_IN_FILE = "no credentials were sent: give headers or auth below the server";

const EXIT_CODES = `
Exit codes:
  0  the server answered the report
  2  invalid command line or option, a file that cannot be used, or an incomplete installation
  3  the host name does not resolve
  4  no connection, or the proxy refuses it
  5  TLS: certificates, versions, or a side that does not speak it
  6  credentials are refused
  7  what answers is not an OpAMP server
  8  the server is too busy, refuses the report, or fails
  9  no answer in time
`;

/** `opamp doctor URL`, or `opamp doctor --config FILE`: why an agent can, or cannot, reach its server. */
export function doctorCommand(terminal: Terminal): Command {
  return new Command("doctor")
    .description(
      "Checks the path to an OpAMP server (URL, DNS, TCP, TLS, upgrade, report) and explains what fails and how to fix it.",
    )
    .argument("[url]", "The server, such as wss://opamp.example.com:4320/v1/opamp; not needed with --config.")
    .option("-c, --config <path>", "Configuration file of opamp agent; its URL, TLS, headers and auth are used.")
    .option("-H, --header <header>", "Request header, as 'Name: value'; may be repeated.", addHeader)
    .option("--token-file <path>", "File with a bearer token.")
    .option("--ca <path>", "PEM file with the trusted CA certificates.")
    .option("--cert <path>", "PEM file with the client certificate.")
    .option("--key <path>", "PEM file with the key of the client certificate.")
    .option("--server-name <name>", "Expected host name in the server's certificate.")
    .option("--insecure-skip-verify", "Accept any server certificate.")
    .option("--proxy <url>", "Proxy URL, 'env' for HTTP_PROXY and the like, or 'none'.", "env")
    .option("--compression", "Send compressed messages.")
    .option("--timeout <seconds>", "Time limit per step.", seconds, 10)
    .option("--json", "Print the result as one JSON object.")
    .addHelpText("after", EXIT_CODES)
    .action(async (url: string | undefined, flags: Flags) => {
      terminal.exit(await run(url, flags, terminal));
    });
}

async function run(url: string | undefined, flags: Flags, terminal: Terminal): Promise<number> {
  const options = optionsOf(url, flags, flags.config === undefined ? undefined : await fileOf(flags.config, terminal));
  if (flags.json === true) {
    const diagnosis = await diagnose(options);
    terminal.print(JSON.stringify(diagnosis, undefined, 2));
    return diagnosis.exitCode;
  }
  const diagnosis = await diagnose(options, (step) => terminal.print(stepText(step, terminal.colours)));
  terminal.print(`\n${verdict(diagnosis)}`);
  return diagnosis.exitCode;
}

function fileOf(path: string, terminal: Terminal): Promise<AgentConfig> {
  return readAgentFile(path, (text) => terminal.complain(`warning: ${text}`));
}

/** What is given as a flag comes before what is in the file. */
function optionsOf(url: string | undefined, flags: Flags, file: AgentConfig | undefined): DiagnoseOptions {
  const { config: _file, header = {}, tokenFile, proxy, compression = false, timeout, json: _ofOutput, ...tls } = flags;
  const server = file?.extension.server;
  const target = url ?? server?.endpoint;
  if (target === undefined) {
    const hint = "give the server's URL, or --config with the file of opamp agent";
    throw new OpAMPError("ERR_OPAMP_OPTION", "there is no server to check", { hint });
  }
  const headers: HeaderSource[] = [server?.headers ?? {}, server?.auth ?? {}, header];
  const secrets = (file?.needs ?? []).flatMap((need) =>
    need.kind === "secret" ? [{ where: need.where, read: fileSecret(need.name) }] : [],
  );
  if (tokenFile !== undefined) {
    const read = tokenIn(tokenFile);
    headers.push(bearerAuth(read));
    secrets.push({ where: "--token-file", read });
  }
  const through = proxy === "env" ? proxy : { url: proxy };
  const sendsNone = [server?.headers ?? {}, header].every((each) => Object.keys(each).length === 0);
  const isAnonymous = sendsNone && tokenFile === undefined && server?.auth === undefined;
  const words = server === undefined ? flagWords : fileWords;
  return {
    // What has no scheme may be a token that lost its option.
    url: target.includes("://") ? target : "...",
    headers,
    tls: { ...server?.tls, ...tls },
    proxy: proxy !== "none" && through,
    timeoutMs: timeout * 1_000,
    sendsHeaders: !isAnonymous || target.includes("@"),
    secrets,
    compression,
    words: (text) => words(isAnonymous ? text.replace(CREDENTIALS, server ? NONE_IN_FILE : NONE_BY_FLAG) : text),
  };
}

/** The token in a file. Where the token itself is given in place of a path, the error does not show it. */
export function tokenIn(path: string): () => Promise<string> {
  const read = fileSecret(path);
  if (/^[./~]|^[a-z]:\\/i.test(path)) return read;
  return async () => {
    try {
      return await read();
    } catch (cause) {
      const hint = "give --token-file the path of a file with the token, not the token itself";
      throw new OpAMPError("ERR_OPAMP_AUTH", messageOf(cause).replaceAll(path, "..."), { hint });
    }
  };
}

function addHeader(text: string, headers: Record<string, string> = {}): Record<string, string> {
  const colon = text.indexOf(":");
  if (colon < 1) throw new InvalidArgumentError("Write it as 'Name: value'.");
  return { ...headers, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() };
}

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= MAX_TIMEOUT_S) return value;
  throw new InvalidArgumentError(`Give a number of seconds above 0, and at most ${MAX_TIMEOUT_S}.`);
}

const MARKS = {
  ok: ["ok", "green"],
  warning: ["warn", "yellow"],
  failed: ["FAIL", "red"],
  skipped: ["-", "gray"],
} as const satisfies Record<Step["status"], readonly [string, Parameters<typeof styleText>[0]]>;

const INDENT = " ".repeat(18);

/** One step as lines for a person. */
function stepText({ name, status, detail, hint, code, durationMs }: Step, colours: boolean): string {
  const [word, colour] = MARKS[status];
  const mark = colours ? styleText(colour, word.padEnd(4)) : word.padEnd(4);
  const took = durationMs === undefined ? "" : ` (${durationMs} ms)`;
  const lines = [`  ${mark}  ${name.padEnd(8)}  ${detail}${took}`];
  if (code !== undefined) lines.push(`${INDENT}${code}`);
  if (hint !== undefined) lines.push(`${INDENT}fix: ${hint}`);
  return lines.join("\n");
}

/** What it all comes to. */
function verdict({ ok, exitCode, steps }: Diagnosis): string {
  if (ok) {
    const warnings = steps.filter(({ status }) => status === "warning").length;
    return warnings === 0 ? "An agent can use this server." : `An agent can use this server; ${warnings} warning(s).`;
  }
  const failed = steps.find(({ status }) => status === "failed");
  return `An agent cannot use this server: ${failed?.name ?? "url"} failed (exit code ${exitCode}).`;
}
