import { styleText } from "node:util";
import { Command, InvalidArgumentError } from "commander";
import type { AgentConfig } from "../../agent/file/agent-config.js";
import { errorsIn, redactedAfterKey } from "../../diagnostics/one-line.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import { shownUrl } from "../../transport/url/endpoint.js";
import { readAgentFile } from "../agent-file.js";
import type { Terminal } from "../terminal.js";
import { diagnose } from "./diagnose.js";
import { type Diagnosis, exitCodes, type Step } from "./diagnosis.js";
import { type DoctorFlags, optionsOf, shownTarget, TIMEOUT_S } from "./doctor-options.js";
import { settingsInForce } from "./settings-in-force.js";
import { Steps } from "./steps.js";

const MAX_TIMEOUT_S = 86_400;
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
    .option("--timeout <seconds>", "Time limit per step.", seconds, TIMEOUT_S)
    .option("--json", "Print the result as one JSON object.")
    .addHelpText("after", EXIT_CODES)
    .action(async (url: string | undefined, flags: DoctorFlags) => {
      terminal.exit(await run(url, flags, terminal));
    });
}

async function run(url: string | undefined, flags: DoctorFlags, terminal: Terminal): Promise<number> {
  let file: AgentConfig | undefined;
  try {
    file = flags.config === undefined ? undefined : await fileOf(flags.config, terminal);
  } catch (error) {
    if (flags.json !== true) throw error;
    return printed(await unreadable(url, error), terminal);
  }
  const options = optionsOf(url, flags, file, file && (await settingsInForce(file)));
  if (flags.json === true) return printed(await diagnose(options), terminal);
  const diagnosis = await diagnose(options, (step) => terminal.print(stepText(step, terminal.colours)));
  terminal.print(`\n${verdict(diagnosis)}`);
  return diagnosis.exitCode;
}

function printed(diagnosis: Diagnosis, terminal: Terminal): number {
  terminal.print(JSON.stringify(diagnosis, undefined, 2));
  return diagnosis.exitCode;
}

function fileOf(path: string, terminal: Terminal): Promise<AgentConfig> {
  return readAgentFile(path, (text) => terminal.complain(`warning: ${text}`));
}

/** A file that is wrong, one failed step for each mistake. */
async function unreadable(url: string | undefined, error: unknown): Promise<Diagnosis> {
  const redactor = createRedactor();
  const text = (given: string): string => redactedAfterKey(given, redactor.text);
  const steps = new Steps({ words: (given) => given }, { ...redactor, text }, () => undefined);
  const mistakes = errorsIn(error).map((one) => () => Promise.reject(one));
  await steps.all("files", mistakes);
  const shown = url === undefined ? "" : steps.shown(shownUrl(shownTarget(url)));
  return { url: shown, ok: false, exitCode: exitCodes.usage, steps: steps.done };
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
