import * as root from "opamp-client";
import * as testing from "opamp-client/testing";
import { expect, test } from "vitest";
import cycle from "../cycle.cjs";

test("an agent completes a cycle over both transports", async () => {
  expect(await cycle(root, testing)).toBe("cycle done");
});
