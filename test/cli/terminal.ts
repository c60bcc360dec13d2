import { runProgram } from "../../src/cli/program.js";

/** What a run of the command line left behind. */
export interface Run {
  code: number | undefined;
  out: string;
  err: string;
}

/** Runs `opamp ARGS...` in this process. */
export async function opamp(...args: string[]): Promise<Run> {
  const run: Run = { code: undefined, out: "", err: "" };
  await runProgram(args, {
    colours: false,
    print: (line) => {
      run.out += `${line}\n`;
    },
    complain: (line) => {
      run.err += `${line}\n`;
    },
    exit: (code) => {
      run.code = code;
    },
  });
  return run;
}
