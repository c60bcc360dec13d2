import { createRequire } from "node:module";

// Says how long one package takes to load in a fresh process, by `import` or by `require`.

const [, , loader = "", specifier = ""] = process.argv;
const require = createRequire(import.meta.url);
const before = performance.now();
if (loader === "require") require(specifier);
else await import(specifier);
const ms = performance.now() - before;
process.stdout.write(`${JSON.stringify({ event: "loaded", ms })}\n`);
