const cycle = require("../cycle.cjs");

test("a cycle over both transports", async () => {
  expect(await cycle(require("opamp-client"), require("opamp-client/testing"))).toBe("cycle done");
});
