import type { StoredState } from "../../src/store/store.js";

const instanceUid = new Uint8Array(16).fill(7);
const applied = (byte: number) => ({ hash: Uint8Array.of(byte), status: "applied", error: "" }) as const;
const config = (byte: number, text: string) => ({
  hash: Uint8Array.of(byte),
  files: {
    "a.yaml": { body: new TextEncoder().encode(text.repeat(1_000)), contentType: "text/yaml" },
    "b.bin": { body: Uint8Array.of(0, byte, 255), contentType: "" },
  },
});
const [first, second] = [config(1, "one: 1\n"), config(2, "two: 2\n")];

/** What an agent saves in the course of its life. */
export const STATES: readonly StoredState[] = [
  { instanceUid },
  { instanceUid, remoteConfig: { hash: Uint8Array.of(9), status: "failed", error: "cannot bind" } },
  { instanceUid, remoteConfig: applied(1), lastGoodConfig: first, heartbeatMs: 5_000 },
  { instanceUid, remoteConfig: applied(2), lastGoodConfig: second, heartbeatMs: Number.POSITIVE_INFINITY },
];

/** What an agent does with a blob in the course of its life; `undefined` removes it. Each is followed by a save that names it. */
export const BLOBS: readonly (Uint8Array | undefined)[] = [
  new TextEncoder().encode("one\n".repeat(1_000)),
  new TextEncoder().encode("two\n".repeat(2_000)),
  undefined,
];
