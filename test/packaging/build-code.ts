import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build, type Plugin, transform } from "esbuild";
import manifest from "../../package.json" with { type: "json" };
import { withoutRequirements } from "./without-requirements.js";

// Builds the package's code in three forms. `dist/cjs` is what Node runs, whichever way it is loaded, so that there is one
// instance of everything; `dist/*.js` is the face of that for `import`; `dist/esm` is for bundlers, which drop what is unused.

const root = resolve(import.meta.dirname, "../..");
const dist = join(root, "dist");
const ENTRIES = ["index", "extension/index", "proto/index", "testing/index", "cli/main"] as const;
const COMMAND = "cli/main";
/** ES modules only, which not every loader takes as they are. */
const BUNDLED = ["oauth4webapi", "uuid"] as const;
/** For `require` until the code is CommonJS: esbuild would put a shim in its place that no bundler follows. */
const REQUIRE = "__opampRequire";
const external = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];

/** Has `require` load what is loaded when it is needed first, in a form that bundlers follow. */
const lazy: Plugin = {
  name: "lazy",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      if (!source.includes("createRequire(import.meta.url)(")) return undefined;
      const contents = source
        .replace(/^import \{ createRequire \} from "node:module";\n/m, "")
        .replace(/createRequire\(import\.meta\.url\)\("(.+?)"\)/g, (_, name: string) =>
          name.endsWith("package.json") ? JSON.stringify({ version: manifest.version }) : `${REQUIRE}("${name}")`,
        );
      return { contents, loader: "ts" };
    });
  },
};

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function withRequire(code: string): string {
  return code.replaceAll(`${REQUIRE}(`, "require(");
}

/** Values in place of getters, which cost a tenth of a cycle: no export changes once its module has run. */
function withPlainExports(code: string): string {
  const plain = 'module.exports = Object.defineProperty({ ...module.exports }, "__esModule", { value: true });\n';
  return code.replaceAll(/= (require\("@bufbuild\/protobuf[^"]*"\));/g, "= { ...$1 };") + plain;
}

async function toCommonJs(text: string, sourceMap: string) {
  const base64 = Buffer.from(sourceMap).toString("base64");
  return await transform(`${text}\n//# sourceMappingURL=data:application/json;base64,${base64}`, {
    format: "cjs",
    platform: "node",
    target: "node20",
    supported: { "dynamic-import": false },
    sourcemap: "external",
  });
}

/** Names one by one: what is CommonJS has a default export alone to some loaders. */
function faceOf(entry: string, names: readonly string[]): string {
  const way = relative(dirname(entry), join("cjs", `${entry}.js`));
  const own = way.startsWith(".") ? way : `./${way}`;
  return `import code from ${JSON.stringify(own)};\nexport const {\n  ${names.join(",\n  ")},\n} = code;\n`;
}

function licences(): string {
  const texts = BUNDLED.map((name) => {
    const folder = join(root, "node_modules", name);
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no licence file`);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return ["This package includes code of other packages, under these licences.\n", ...texts].join(
    `\n${"-".repeat(80)}\n\n`,
  );
}

const { outputFiles, metafile } = await build({
  entryPoints: ENTRIES.map((name) => join(root, "src", `${name}.ts`)),
  outbase: join(root, "src"),
  outdir: join(dist, "esm"),
  chunkNames: "parts/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external,
  plugins: [lazy],
  sourcemap: "external",
  metafile: true,
  write: false,
  absWorkingDir: root,
  logLevel: "warning",
});
const texts = new Map(outputFiles.map(({ path, text }) => [path, text]));
for (const [path, text] of texts) {
  if (!path.endsWith(".js")) continue;
  const { code, map } = await toCommonJs(text, texts.get(`${path}.map`) ?? "");
  const ofCommonJs = path.replace(join(dist, "esm"), join(dist, "cjs"));
  write(path, withRequire(text));
  write(ofCommonJs, withRequire(withPlainExports(code)));
  // For profiles of what runs here; not published.
  write(`${ofCommonJs}.map`, map);
}
for (const entry of ENTRIES.filter((name) => name !== COMMAND)) {
  const { exports = [] } = metafile.outputs[`dist/esm/${entry}.js`] ?? {};
  write(join(dist, `${entry}.js`), faceOf(entry, exports.sort()));
}
write(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
// Without a type, so that bundlers take `require` in it too.
write(join(dist, "esm/package.json"), '{ "sideEffects": false }\n');

// The same declarations for those who `require`, to whom a file without the type would be an ES module.
for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".d.ts") || /^(?:cjs|esm)\//.test(name)) continue;
  const text = withoutRequirements(readFileSync(join(dist, name), "utf8"));
  write(join(dist, name), text);
  write(join(dist, "cjs", name), text);
}
write(join(dist, "THIRD-PARTY"), licences());
rmSync(join(dist, "cli"), { recursive: true, force: true });
