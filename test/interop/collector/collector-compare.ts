import type { ServerTlsOptions } from "../../../src/testing/index.js";
import type { TransportName } from "../fixture.js";
import type { FileChanges } from "./collector-config.js";
import type { ProgramName, RunOptions } from "./collector-program.js";
import { observe } from "./collector-run.js";
import { type View, view } from "./collector-view.js";
import { type Difference, differences } from "./differences.js";
import { wantedDifferences } from "./wanted-differences.js";

/** What both are given, and whether they are put through everything. */
export interface Given {
  transport: TransportName;
  /** Of the server. */
  tls?: ServerTlsOptions;
  changes?: FileChanges;
  options?: RunOptions;
  whole?: boolean;
}

/** What came of it. */
export interface Compared {
  collector: View;
  ours: View;
  /** Differences that nobody wants. */
  unwanted: readonly Difference[];
}

/** The wanted differences that were seen so far, by their ids. */
export const seen = new Set<string>();

/** Gives both the same file, each with a server of its own, and compares what the servers learnt. */
export async function compare(given: Given): Promise<Compared> {
  const [collector, ours] = await Promise.all([viewOf("collector", given), viewOf("ours", given)]);
  return { collector, ours, unwanted: unwantedIn(differences(collector, ours)) };
}

/** What is left when the wanted ones, which are marked as seen, are taken away. */
export function unwantedIn(found: readonly Difference[]): readonly Difference[] {
  return found.filter((difference) => {
    const wanted = wantedDifferences.filter(({ matches }) => matches(difference));
    for (const { id } of wanted) seen.add(id);
    return wanted.length === 0;
  });
}

async function viewOf(program: ProgramName, { whole = false, ...given }: Given): Promise<View> {
  return view(await observe({ program, whole, ...given }));
}
