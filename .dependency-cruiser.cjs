/** All that the extension and the agent may take from src/client. */
const clientsFace = ["src/client/client.ts", "src/client/options.ts", "src/client/clock.ts"];

/** What each folder of src may import from src; anything absent may not be imported. Folders not listed are free. */
const mayImport = {
  "src/errors.ts": [],
  "src/base/": ["src/base/", "src/errors.ts"],
  "src/gen/": ["src/gen/"],
  "src/proto/": ["src/gen/"],
  "src/store/": ["src/store/", "src/base/", "src/errors.ts"],
  "src/wire/": ["src/wire/", "src/gen/", "src/base/", "src/errors.ts"],
  "src/core/": ["src/core/", "src/gen/", "src/base/"],
  "src/values/": ["src/values/", "src/store/store.ts", "src/gen/", "src/base/", "src/errors.ts"],
  "src/diagnostics/": ["src/diagnostics/", "src/base/", "src/errors.ts"],
  "src/transport/": ["src/transport/", "src/wire/", "src/base/", "src/errors.ts"],
  "src/auth/": ["src/auth/", "src/transport/", "src/base/", "src/errors.ts"],
  "src/connection-settings/": ["src/connection-settings/", "src/transport/", "src/gen/", "src/base/", "src/errors.ts"],
  "src/client/": [
    "src/client/",
    "src/connection-settings/",
    "src/values/",
    "src/core/",
    "src/diagnostics/",
    "src/transport/",
    "src/wire/",
    "src/store/",
    "src/gen/",
    "src/base/",
    "src/errors.ts",
  ],
  "src/extension/": [
    "src/extension/",
    ...clientsFace,
    "src/connection-settings/policy.ts",
    "src/connection-settings/certificates/subject.ts",
    "src/connection-settings/certificates/key-types.ts",
    "src/values/",
    "src/auth/",
    "src/diagnostics/",
    "src/transport/",
    "src/store/",
    "src/base/",
    "src/errors.ts",
  ],
  "src/agent/": [
    "src/agent/",
    "src/extension/",
    ...clientsFace,
    "src/values/",
    "src/diagnostics/",
    "src/transport/",
    "src/wire/",
    "src/store/",
    "src/gen/",
    "src/base/",
    "src/errors.ts",
  ],
  "src/server/": [
    "src/server/",
    "src/values/",
    "src/core/capabilities.ts",
    "src/diagnostics/",
    "src/wire/",
    "src/gen/",
    "src/base/",
    "src/errors.ts",
  ],
  "src/simulate/": [
    "src/simulate/",
    "src/client/",
    "src/values/",
    "src/core/",
    "src/diagnostics/",
    "src/transport/",
    "src/wire/",
    "src/store/",
    "src/gen/",
    "src/base/",
    "src/errors.ts",
  ],
  "src/cli/": [
    "src/cli/",
    "src/simulate/",
    "src/agent/",
    "src/extension/",
    "src/client/",
    "src/core/",
    "src/diagnostics/",
    "src/transport/",
    "src/wire/",
    "src/auth/",
    "src/store/",
    "src/gen/",
    "src/base/",
    "src/errors.ts",
  ],
};

const pattern = (path) => `^${path.replaceAll(".", "\\.")}${path.endsWith("/") ? "" : "$"}`;
const inPackage = (name) => `(^|/)node_modules/${name}/`;

const entryPoints = "^src/(((extension|proto|testing)/)?index|cli/main)\\.ts$";

const floors = Object.entries(mayImport).map(([from, allowed]) => ({
  name: `floor-of-${from}`,
  comment: `${from} may import ${allowed.join(", ") || "nothing"} from src`,
  severity: "error",
  from: { path: pattern(from) },
  to: { path: "^src/", pathNot: allowed.map(pattern) },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...floors,
    {
      name: "errors-imports-nothing",
      severity: "error",
      from: { path: pattern("src/errors.ts") },
      to: { path: "." },
    },
    {
      name: "core-is-pure",
      comment:
        "from outside itself and base, core takes types only: no socket, timer, clock, randomness or message construction",
      severity: "error",
      from: { path: pattern("src/core/") },
      to: { pathNot: [pattern("src/core/"), pattern("src/base/")], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "core-knows-no-package-but-protobuf",
      severity: "error",
      from: { path: pattern("src/core/") },
      to: { pathNot: ["^src/", inPackage("@bufbuild/protobuf")] },
    },
    {
      name: "wire-knows-no-package-but-protobuf",
      severity: "error",
      from: { path: pattern("src/wire/") },
      to: { pathNot: ["^src/", inPackage("@bufbuild/protobuf")] },
    },
    {
      name: "base-and-store-use-node-only",
      severity: "error",
      from: { path: [pattern("src/base/"), pattern("src/store/")] },
      to: { pathNot: "^src/", dependencyTypesNot: ["core"] },
    },
    {
      name: "undici-in-parts",
      comment: "its main file puts its own dispatcher under the fetch of the host",
      severity: "error",
      from: { path: "^src/" },
      to: { path: `${inPackage("undici")}(?!lib/)`, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "undici-only-for-http",
      comment: "polling, tunnels through HTTP proxies, and requests for tokens",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/transport/(http/|undici(-parts\\.d)?\\.ts$)" },
      to: { path: inPackage("undici") },
    },
    {
      name: "nothing-imports-the-index",
      severity: "error",
      from: { path: "^src/" },
      to: { path: pattern("src/index.ts") },
    },
    {
      name: "source-stays-in-src",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|docs|proto|dist|\\.ci)/|^[^/]+$", dependencyTypesNot: ["core"] },
    },
    {
      name: "declared-dependencies-only",
      comment: "types count too: they end up in the declarations that users compile against",
      severity: "error",
      from: { path: "^src/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "npm-optional", "npm-peer", "undetermined"],
        // The first two are bundled, the others are optional peers of the test kit.
        pathNot: inPackage("(uuid|oauth4webapi|@peculiar/x509|reflect-metadata)"),
      },
    },
    {
      name: "yaml-only-for-the-extension-and-the-command",
      comment: "whoever embeds a client does not pay for it",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(extension|agent|cli)/" },
      to: { path: inPackage("yaml") },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-dead-files",
      comment: "every file of src is reached from an entry point of the package",
      severity: "error",
      from: { path: entryPoints },
      to: { path: "^src/", pathNot: entryPoints, reachable: false },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
    doNotFollow: { path: "node_modules" },
  },
};
