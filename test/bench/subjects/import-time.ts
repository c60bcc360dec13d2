// Says how long the import of one package takes in a fresh process.

const [, , specifier = ""] = process.argv;
const before = performance.now();
await import(specifier);
const ms = performance.now() - before;
process.stdout.write(`${JSON.stringify({ event: "imported", ms })}\n`);
