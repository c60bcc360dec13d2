module.exports = {
  mode: "production",
  target: "node20",
  entry: "./main.mjs",
  output: { path: `${__dirname}/out/webpack`, filename: "main.cjs" },
};
