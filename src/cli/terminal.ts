import { createRequire } from "node:module";

/** What a command talks to; another one in tests. */
export interface Terminal {
  /** Whether colours are understood. */
  readonly colours: boolean;
  /** The width of the output in characters, where it is known. */
  readonly columns?: number | undefined;
  /** Shows a line beside the output, in place of the one shown so before; absent where lines are only added. */
  readonly rewrite?: ((line: string) => void) | undefined;
  /** A line of output. */
  print(line: string): void;
  /** A line about what went wrong. */
  complain(line: string): void;
  /** What the program ends with. */
  exit(code: number): void;
}

/** The program's own streams. Output goes out whole before the process ends. */
export const processTerminal: Terminal = {
  colours: process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined,
  get columns() {
    return process.stdout.columns;
  },
  rewrite: process.stderr.isTTY === true ? (line) => void process.stderr.write(`\r\x1b[K${line}`) : undefined,
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
  exit: (code) => {
    process.exitCode = code;
  },
};

/** The version of this package. */
export function packageVersion(): string {
  return createRequire(import.meta.url)("opamp-client/package.json").version;
}
