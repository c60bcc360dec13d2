const assert = require("node:assert/strict");
const { test } = require("node:test");

test("the package alone loads neither ws, undici nor yaml", () => {
  require("opamp-client");
  const loaded = Object.keys(require.cache).filter((path) => /node_modules[\\/](ws|undici|yaml)[\\/]/.test(path));
  assert.deepEqual(loaded, []);
});
