const assert = require("node:assert/strict");
const { test } = require("node:test");

test("the package alone loads neither ws nor undici", () => {
  require("opamp-client");
  const loaded = Object.keys(require.cache).filter((path) => /node_modules[\\/](ws|undici)[\\/]/.test(path));
  assert.deepEqual(loaded, []);
});
