import { styleText } from "node:util";
import type { Diagnosis, Step } from "./diagnosis.js";

const MARKS = {
  ok: ["ok", "green"],
  warning: ["warn", "yellow"],
  failed: ["FAIL", "red"],
  skipped: ["-", "gray"],
} as const satisfies Record<Step["status"], readonly [string, Parameters<typeof styleText>[0]]>;

const INDENT = " ".repeat(17);

/** One step as lines for a person. */
export function stepText({ name, status, detail, hint, code, durationMs }: Step, colours: boolean): string {
  const [word, colour] = MARKS[status];
  const mark = colours ? styleText(colour, word.padEnd(4)) : word.padEnd(4);
  const took = durationMs === undefined ? "" : ` (${durationMs} ms)`;
  const lines = [`  ${mark}  ${name.padEnd(7)}  ${detail}${took}`];
  if (code !== undefined) lines.push(`${INDENT}${code}`);
  if (hint !== undefined) lines.push(`${INDENT}fix: ${hint}`);
  return lines.join("\n");
}

/** What it all comes to. */
export function verdict({ ok, exitCode, steps }: Diagnosis): string {
  if (ok) {
    const warnings = steps.filter(({ status }) => status === "warning").length;
    return warnings === 0 ? "An agent can use this server." : `An agent can use this server; ${warnings} warning(s).`;
  }
  const failed = steps.find(({ status }) => status === "failed");
  return `An agent cannot use this server: ${failed?.name ?? "url"} failed (exit code ${exitCode}).`;
}
