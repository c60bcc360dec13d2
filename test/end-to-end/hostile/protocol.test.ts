import { describe, test } from "vitest";
import { isFull } from "../full/long-tests.js";
import { protocolCases } from "./cases/protocol-cases.js";
import { survivesMessages } from "./virtual.js";

for (const [carrier, duplex] of [
  ["a link that carries messages both ways", true],
  ["polling", false],
] as const) {
  describe(`over ${carrier}, a client outlives a server that`, () => {
    for (const hostile of protocolCases) {
      if ((hostile.duplex ?? duplex) !== duplex || (hostile.costly && !isFull)) continue;
      test(hostile.name, ({ onTestFinished }) => survivesMessages(hostile, duplex, onTestFinished));
    }
  });
}
