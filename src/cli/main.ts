#!/usr/bin/env node
import { runProgram } from "./program.js";
import { processTerminal } from "./terminal.js";

// The reader of the output may have closed it, as `head` does.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
void runProgram(process.argv.slice(2), processTerminal);
