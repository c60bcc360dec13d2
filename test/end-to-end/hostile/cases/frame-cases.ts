import { deflateBomb } from "../bombs.js";
import {
  BINARY,
  CLOSE,
  closeFrame,
  endlessly,
  flooding,
  maskedFrame,
  message,
  PING,
  PONG,
  pour,
  sending,
  TEXT,
  ticking,
  upgraded,
  wsFrame,
} from "../conducts.js";
import type { HostileCase } from "../survives.js";

const BROKEN = ["ERR_OPAMP_MALFORMED"] as const;
const CLOSED = ["ERR_OPAMP_CLOSED"] as const;
const TOO_LARGE = ["ERR_OPAMP_TOO_LARGE"] as const;
const KIB = "x".repeat(1_024);
const [CONTINUED, OPEN_BINARY, FINAL] = [0x00, 0x02, 0x80];
const [RSV1, RSV2, RSV3] = [0x40, 0x20, 0x10];

/** Frames that break the protocol; the link ends. */
const breaches: readonly HostileCase[] = [
  { name: "compresses without having negotiated it", conduct: sending(wsFrame(BINARY | RSV1, KIB)), errors: BROKEN },
  { name: "sets the second reserved bit", conduct: sending(wsFrame(BINARY | RSV2, KIB)), errors: BROKEN },
  { name: "sets the third reserved bit", conduct: sending(wsFrame(BINARY | RSV3, KIB)), errors: BROKEN },
  { name: "sends a reserved data frame", conduct: sending(wsFrame(0x83, KIB)), errors: BROKEN },
  { name: "sends a reserved control frame", conduct: sending(wsFrame(0x8b)), errors: BROKEN },
  { name: "masks its frames", conduct: sending(maskedFrame(BINARY, "hello")), errors: BROKEN },
  { name: "sends a ping that is too long", conduct: sending(wsFrame(PING, KIB)), errors: BROKEN },
  { name: "sends a ping in fragments", conduct: sending(wsFrame(PING & ~FINAL, "a")), errors: BROKEN },
  {
    name: "compresses a ping",
    conduct: upgraded((socket) => void socket.write(wsFrame(PING | RSV1, "a")), { deflate: true }),
    errors: BROKEN,
  },
  { name: "continues a message that has not begun", conduct: sending(wsFrame(CONTINUED | FINAL, KIB)), errors: BROKEN },
  {
    name: "begins a message inside another",
    conduct: sending(wsFrame(OPEN_BINARY, KIB), wsFrame(BINARY, KIB)),
    errors: BROKEN,
  },
  { name: "sends text that is not UTF-8", conduct: sending(wsFrame(TEXT, Uint8Array.of(0xc3, 0x28))), errors: BROKEN },
  {
    name: "announces a message of 2^63 bytes",
    conduct: sending(wsFrame(BINARY, KIB, 2n ** 63n)),
    errors: ["ERR_OPAMP_TOO_LARGE", "ERR_OPAMP_MALFORMED"],
  },
  {
    name: "announces a message of 2^53 bytes",
    conduct: sending(wsFrame(BINARY, KIB, 2n ** 53n)),
    errors: TOO_LARGE,
  },
  {
    name: "announces a message of 1 GiB",
    conduct: sending(wsFrame(BINARY, KIB, 2 ** 30)),
    errors: TOO_LARGE,
  },
  {
    name: "sends a message without end, in fragments",
    costly: true,
    conduct: flooding(wsFrame(OPEN_BINARY), wsFrame(CONTINUED, KIB)),
    errors: ["ERR_OPAMP_TOO_LARGE", "ERR_OPAMP_MALFORMED"],
  },
  {
    name: "sends a message without end, in fragments of a kibibyte",
    costly: true,
    conduct: upgraded((socket) => {
      socket.write(wsFrame(OPEN_BINARY));
      pour(endlessly(wsFrame(CONTINUED, KIB)), socket);
    }),
    errors: TOO_LARGE,
  },
  {
    name: "sends a message without end, in fragments of a byte",
    costly: true,
    conduct: upgraded((socket) => {
      socket.write(wsFrame(OPEN_BINARY));
      pour(endlessly(wsFrame(CONTINUED, "x")), socket);
    }),
    errors: ["ERR_OPAMP_TOO_LARGE", "ERR_OPAMP_MALFORMED"],
  },
  {
    name: "sends a message without end, in empty fragments",
    costly: true,
    conduct: upgraded((socket) => {
      socket.write(wsFrame(OPEN_BINARY));
      pour(endlessly(wsFrame(CONTINUED)), socket);
    }),
    errors: ["ERR_OPAMP_TOO_LARGE", "ERR_OPAMP_MALFORMED"],
  },
  { name: "sends bytes that are not frames", conduct: sending(Buffer.alloc(64, 0xff)), errors: BROKEN },
  { name: "continues in HTTP", conduct: sending(Buffer.from("HTTP/1.1 200 OK\r\n\r\n")), errors: BROKEN },
  {
    name: "sends invalid deflate data",
    conduct: upgraded((socket) => void socket.write(wsFrame(BINARY | RSV1, Buffer.alloc(64, 0xff))), { deflate: true }),
    errors: BROKEN,
  },
  {
    name: "sends a deflate bomb",
    conduct: deflateBomb(67_108_864),
    errors: TOO_LARGE,
  },
];

/** Ways to close. */
const closes: readonly HostileCase[] = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 4999].map((code) => ({
    name: `closes with ${code}`,
    conduct: sending(closeFrame(code, "go away")),
    errors: code === 1009 ? TOO_LARGE : CLOSED,
  })),
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535].map((code) => ({
    name: `closes with ${code}, which must not be sent`,
    conduct: sending(closeFrame(code)),
    errors: BROKEN,
  })),
  { name: "closes without a code", conduct: sending(wsFrame(CLOSE)), errors: CLOSED },
  { name: "closes with half of a code", conduct: sending(wsFrame(CLOSE, "x")), errors: BROKEN },
  {
    name: "closes with a reason that is not UTF-8",
    conduct: sending(closeFrame(1000, Uint8Array.of(0xc3, 0x28))),
    errors: BROKEN,
  },
  {
    name: "closes and continues to send",
    costly: true,
    conduct: upgraded((socket) => {
      socket.write(closeFrame(1000));
      pour(endlessly(message(new Uint8Array())), socket);
    }),
    errors: CLOSED,
  },
  { name: "closes twice", conduct: sending(closeFrame(1000), closeFrame(1001)), errors: CLOSED },
  {
    name: "closes and keeps the connection",
    conduct: upgraded((socket) => void socket.write(closeFrame(1000)), { deaf: true }),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_TIMEOUT"],
    slow: true,
  },
  {
    name: "breaks the protocol and keeps the connection",
    conduct: upgraded((socket) => void socket.write(wsFrame(0x83)), { deaf: true }),
    errors: ["ERR_OPAMP_MALFORMED", "ERR_OPAMP_TIMEOUT"],
    slow: true,
  },
];

/** In frames that are good, what is of no use; the link goes on, and so do heartbeats. */
const nuisances: readonly HostileCase[] = [
  { name: "pings all the time", conduct: ticking(wsFrame(PING, "x".repeat(125))), stays: true },
  { name: "pongs all the time", conduct: ticking(wsFrame(PONG, "x".repeat(125))), stays: true },
  { name: "floods with pongs", costly: true, conduct: flooding(wsFrame(PONG, "x".repeat(125))), stays: true },
  {
    name: "floods with pings faster than they can be answered",
    costly: true,
    conduct: flooding(wsFrame(PING, "x".repeat(125))),
    errors: CLOSED,
  },
];

/** What can be wrong with frames. */
export const frameCases: readonly HostileCase[] = [...breaches, ...closes, ...nuisances].map((hostile) => ({
  ...hostile,
  over: "WebSocket",
}));
