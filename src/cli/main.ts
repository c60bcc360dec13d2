#!/usr/bin/env node
import { runProgram } from "./program.js";
import { processTerminal } from "./terminal.js";

// Whoever reads the output may have seen enough, as `head` has.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
void runProgram(process.argv.slice(2), processTerminal);
