import type { WebSocket } from "ws";
import { PIECE_BYTES } from "../../wire/limits.js";

type Item =
  | { readonly message: Uint8Array; readonly compress: boolean; sentBytes: number }
  | { readonly ping: string }
  | { readonly code: number; readonly reason: string };

/**
 * What waits to leave a WebSocket while a large message does: in order, and large messages in fragments (RFC 6455, 5.4), the
 * next one when the one before has left, so that a ping can pass between them.
 */
export class WebSocketOutbox {
  readonly #socket: WebSocket;
  readonly #progress: () => void;
  readonly #emptied: () => void;
  readonly #items: Item[] = [];
  #isLeaving = false;

  /** @param progress told of each piece that has left @param emptied told once there is nothing left to send */
  constructor(socket: WebSocket, progress: () => void, emptied: () => void) {
    this.#socket = socket;
    this.#progress = progress;
    this.#emptied = emptied;
  }

  send(message: Uint8Array, compress: boolean): void {
    this.#add({ message, compress, sentBytes: 0 });
  }

  ping(data: string): void {
    this.#add({ ping: data });
  }

  close(code: number, reason: string): void {
    this.#add({ code, reason });
  }

  #add(item: Item): void {
    this.#items.push(item);
    if (!this.#isLeaving) this.#next();
  }

  #next(): void {
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      if ("message" in item) return this.#sendPiece(item);
      this.#items.shift();
      if ("ping" in item) this.#socket.ping(item.ping);
      else this.#socket.close(item.code, item.reason);
    }
    this.#emptied();
  }

  #sendPiece(item: Extract<Item, { message: Uint8Array }>): void {
    const end = Math.min(item.sentBytes + PIECE_BYTES, item.message.length);
    const piece = item.message.subarray(item.sentBytes, end);
    const fin = end === item.message.length;
    item.sentBytes = end;
    if (fin) this.#items.shift();
    this.#isLeaving = true;
    this.#socket.send(piece, { binary: true, compress: item.compress, fin }, (error) => {
      this.#isLeaving = false;
      // The end of the link tells the rest.
      if (error) return;
      this.#progress();
      this.#next();
    });
  }
}
