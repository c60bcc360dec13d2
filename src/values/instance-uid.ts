import { v7 } from "uuid";
import { UID_BYTES } from "../base/bytes.js";

/** A fresh uid: UUID version 7 (UID-02). */
export function newInstanceUid(): Uint8Array {
  return v7(undefined, new Uint8Array(UID_BYTES));
}
