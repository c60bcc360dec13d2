import type { Option } from "commander";
import { SOCKETS, VIRTUAL } from "../../../src/cli/simulate/modes.js";
import { simulateCommand } from "../../../src/cli/simulate/simulate.js";

/** The command as its help describes it. */
export const command = simulateCommand({ colours: false, print() {}, complain() {}, exit() {} });

/** The options of both modes, of virtual time and of real connections, each as a table. */
export const simulateTables: Readonly<Record<string, string>> = {
  "simulate-options": tableOf(undefined),
  "simulate-virtual": tableOf(VIRTUAL),
  "simulate-sockets": tableOf(SOCKETS),
};

function tableOf(group: string | undefined): string {
  const rows = command.options
    .filter(({ helpGroupHeading }) => helpGroupHeading === group)
    .map((option) => `| \`${option.flags}\` | ${usualOf(option)} | ${option.description} |`);
  return ["| option | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

function usualOf({ defaultValue, defaultValueDescription }: Option): string {
  const value: unknown = defaultValueDescription ?? defaultValue;
  return typeof value === "object" || value === undefined ? "" : `\`${value}\``;
}
