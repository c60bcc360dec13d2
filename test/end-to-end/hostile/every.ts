import { describe, test } from "vitest";
import type { TestCertificates } from "../../../src/testing/index.js";
import { isFull } from "../full/long-tests.js";
import type { Carrier } from "./stage.js";
import { type HostileCase, survives } from "./survives.js";

/** A test for each case over each carrier that it is for; `npm test` takes one of two in turn, and none that is costly. */
export function everyCase(cases: readonly HostileCase[], authority?: TestCertificates): void {
  for (const carrier of ["WebSocket", "HTTP"] as const satisfies readonly Carrier[]) {
    const isTurn = (index: number) => isFull || index % 2 === (carrier === "HTTP" ? 1 : 0);
    const those = cases.filter(({ over, costly }, index) => {
      if (costly && !isFull) return false;
      return over === undefined ? isTurn(index) : over === carrier;
    });
    if (those.length === 0) continue;
    describe.concurrent(`over ${carrier}, a client outlives a server that`, () => {
      for (const hostile of those) {
        test(hostile.name, ({ onTestFinished }) => survives(hostile, carrier, onTestFinished, authority));
      }
    });
  }
}
