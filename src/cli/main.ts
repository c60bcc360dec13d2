#!/usr/bin/env node
// Node would open a debugger, for every user of the host. The listener comes first: the rest takes a while to load.
process.on("SIGUSR1", () => undefined);
// The same goes for one that comes early: the agent reads its configuration afterwards anyway.
if (process.argv[2] === "agent") process.on("SIGHUP", () => undefined);
// The reader of the output may have closed it, as `head` does.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

async function main(): Promise<void> {
  const [{ runProgram }, { processTerminal }] = await Promise.all([import("./program.js"), import("./terminal.js")]);
  // What is waited for need not hold the process by itself.
  const held = setInterval(() => undefined, 2 ** 30);
  await runProgram(process.argv.slice(2), processTerminal).finally(() => clearInterval(held));
}

/** For what still holds the process once all is done: a file that never answers, and takes the orderly end with it. */
const STUCK_MS = 1_000;

function endIfStuck(): void {
  setTimeout(() => {
    // What is still to be written has a reader that takes its time.
    if (process.stdout.writableLength + process.stderr.writableLength > 0) endIfStuck();
    else process.kill(process.pid, "SIGTERM");
  }, STUCK_MS).unref();
}

main().then(endIfStuck, (error: unknown) => {
  const [reason] = String(error instanceof Error ? error.message : error).split("\n");
  process.stderr.write(`error: the installation of opamp-client is incomplete: ${reason} (install it again)\n`);
  process.exitCode = 2;
});
