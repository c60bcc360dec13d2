const cycle = require("../cycle.cjs");

test("an agent completes a cycle over both transports", async () => {
  expect(await cycle(require("opamp-client"), require("opamp-client/testing"))).toBe("cycle done");
});
