import { StringDecoder } from "node:string_decoder";

const MOST_LINES = 20;
/** Longer lines are cut into pieces, so that output without line ends does not pile up. */
const LONGEST_LINE = 4_096;
/** Enough for people to read. More would fill the log, and keep the agent from its work. */
const MOST_HANDED_ON = 1_000;

/** The lines that a program writes: the first thousand are handed on, and the last ones are kept. */
export class OutputTail {
  readonly #line: (line: string) => void;
  readonly #lines: string[] = [];
  #count = 0;
  readonly #streams: { decoder: StringDecoder; rest: string }[] = [];

  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  /** @returns what takes the bytes of one more stream */
  stream(): (bytes: Uint8Array) => void {
    const stream = { decoder: new StringDecoder("utf8"), rest: "" };
    this.#streams.push(stream);
    return (bytes) => {
      const lines = (stream.rest + stream.decoder.write(Buffer.from(bytes))).split("\n");
      stream.rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
      while (stream.rest.length > LONGEST_LINE) {
        this.#take(stream.rest.slice(0, LONGEST_LINE));
        stream.rest = stream.rest.slice(LONGEST_LINE);
      }
    };
  }

  /** Nothing more comes. @returns the last lines, 20 at most */
  end(): string {
    for (const stream of this.#streams) {
      this.#take(stream.rest + stream.decoder.end());
      stream.rest = "";
    }
    return this.#lines.join("\n");
  }

  #take(text: string): void {
    const line = text.trimEnd();
    if (line === "") return;
    this.#lines.push(line);
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
    this.#count += 1;
    if (this.#count <= MOST_HANDED_ON) this.#line(line);
    else if (this.#count === MOST_HANDED_ON + 1) this.#line("further lines are not logged");
  }
}
