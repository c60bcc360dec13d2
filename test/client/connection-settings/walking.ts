import fc from "fast-check";

/** For one walk, in milliseconds: the steps of one that hangs are told. */
const WALK_MS = 20_000;

/** An agent and its servers, in which anything may happen. */
export interface Walked<Action> {
  do(action: Action): Promise<void>;
  /** Lets everything come to rest, and looks at what came of it. */
  settle(): Promise<void>;
  end(): Promise<void>;
}

/**
 * Walks through as many worlds; more of them on demand: WALKS=1000.
 *
 * @param kinds what a world is made of
 * @param maxLength how much happens in one at most
 * @param examples worlds and walks that come before the random ones
 */
export async function walkThrough<Action, Kind extends readonly unknown[]>(
  actions: fc.Arbitrary<Action>,
  maxLength: number,
  walks: number,
  kinds: fc.Arbitrary<Kind>,
  begin: (...kind: Kind) => Promise<Walked<Action>>,
  examples: [Kind, Action[]][] = [],
): Promise<void> {
  const property = fc.asyncProperty(kinds, fc.array(actions, { maxLength, size: "max" }), async (kind, walk) => {
    const world = await begin(...kind);
    try {
      for (const action of walk) await world.do(action);
      await world.settle();
    } finally {
      await world.end();
    }
  });
  // Each shorter walk that is tried would hang as well.
  const isLarge = process.env["WALKS"] !== undefined;
  await fc.assert(property, {
    numRuns: Number(process.env["WALKS"] ?? walks),
    examples,
    timeout: WALK_MS,
    endOnFailure: isLarge,
  });
}
