import { describe, expect, test } from "vitest";
import { Identity } from "../../src/core/identity.js";
import { verifies } from "../conformance/verifies.js";
import { uid } from "./values.js";

describe("an identity", () => {
  verifies("UID-07", "owns what is for its own uid, for the one just replaced, and for none", () => {
    const identity = new Identity(uid(1), false);
    expect([identity.owns(uid(1)), identity.owns(new Uint8Array()), identity.owns(uid(2))]).toEqual([
      true,
      true,
      false,
    ]);
    identity.adopt(uid(2));
    identity.adopt(uid(3));
    expect([uid(1), uid(2), uid(3)].map((each) => identity.owns(each))).toEqual([false, true, true]);
  });

  test("does not own a uid that only begins like its own", () => {
    expect(new Identity(uid(1), false).owns(uid(1).subarray(0, 8))).toBe(false);
  });

  verifies("UID-05", "goes by the new uid, and keeps it when the bytes it came in are reused", () => {
    const identity = new Identity(uid(1), false);
    const received = uid(2);
    expect(identity.adopt(received)).toBe(true);
    received.fill(0);
    expect(identity.uid).toEqual(uid(2));
  });

  test("is not changed by the uid it already has", () => {
    const identity = new Identity(uid(1), false);
    expect(identity.adopt(uid(1))).toBe(false);
    expect(identity.uid).toEqual(uid(1));
  });

  verifies("UID-04", "wants a uid from the server until it gets one", () => {
    const identity = new Identity(uid(1), true);
    expect(identity.wanted).toBe(true);
    identity.adopt(uid(1));
    expect(identity.wanted).toBe(false);
  });

  test("wants none when it has one from an earlier life", () => {
    const identity = new Identity(uid(1), true);
    identity.restore(uid(2));
    expect([identity.wanted, identity.uid]).toEqual([false, uid(2)]);
  });
});
