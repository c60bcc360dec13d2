/** One of so many is tried unless all are. */
const STRIDE = 5;

/**
 * The points at which to kill a process: all of them with `npm run test:crash`, as in CI; otherwise some of them, from the
 * first to the last, since each costs a process.
 */
export function crashPoints<Point>(all: readonly Point[]): Point[] {
  if (process.env["CRASH_POINTS"] === "all") return [...all];
  return all.filter((_, index) => index % STRIDE === 0 || index === all.length - 1);
}
