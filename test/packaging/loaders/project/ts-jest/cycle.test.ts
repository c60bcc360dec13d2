import * as root from "opamp-client";
import * as testing from "opamp-client/testing";

const cycle = require("../cycle.cjs");

test("an agent completes a cycle over both transports", async () => {
  expect(await cycle(root, testing)).toBe("cycle done");
});
