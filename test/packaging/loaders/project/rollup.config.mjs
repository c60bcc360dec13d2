import commonjs from "@rollup/plugin-commonjs";
import json from "@rollup/plugin-json";
import resolve from "@rollup/plugin-node-resolve";

export default {
  input: "main.mjs",
  output: { file: "out/rollup/main.mjs", format: "es", inlineDynamicImports: true },
  plugins: [
    resolve({ preferBuiltins: true, exportConditions: ["node"] }),
    commonjs({ ignore: ["node:sqlite"], transformMixedEsModules: true }),
    json(),
  ],
};
