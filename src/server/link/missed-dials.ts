/** The last dial of a network in memory that led to none of its servers, by each of these. */
const misses = new WeakMap<object, string>();

/** Takes note, for the text of a wait that fails, that an agent dialled past this server. */
export function noteMiss(server: object, place: string, known: string): void {
  misses.set(server, `a memoryTransport dialled ${place}; its servers are at ${known}`);
}

/** A line, where there was such a dial. */
export function missLines(server: object): readonly string[] {
  const line = misses.get(server);
  return line === undefined ? [] : [line];
}
