import type { Writable } from "node:stream";

/** Writes piece by piece, no faster than the other side takes it, and ends quietly when the stream does. */
export function pour(pieces: Iterable<Uint8Array>, into: Writable, done: () => void = () => undefined): void {
  const source = pieces[Symbol.iterator]();
  const next = (): void => {
    for (;;) {
      if (into.destroyed || into.writableEnded) return;
      const piece = source.next();
      if (piece.done) {
        done();
        return;
      }
      if (!into.write(piece.value)) {
        into.once("drain", next);
        return;
      }
    }
  };
  next();
}
