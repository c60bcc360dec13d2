import type { ApplyContext, RemoteConfig, RemoteConfigHandler } from "../../../src/index.js";

/** One call of a handler, to be ended by the test. */
export interface Run {
  config: RemoteConfig;
  context: ApplyContext;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A remote config handler whose runs end when the test says so. */
export interface ControlledHandler extends RemoteConfigHandler {
  /** The runs so far. */
  runs: readonly Run[];
  /** The run with this index, as soon as there is one. */
  run(index: number): Promise<Run>;
}

export function controlledHandler(): ControlledHandler {
  const runs: Run[] = [];
  let wake: () => void = () => undefined;
  let began = new Promise<void>((resolve) => (wake = resolve));
  const apply = (config: RemoteConfig, context: ApplyContext): Promise<void> =>
    new Promise((resolve, reject) => {
      runs.push({ config, context, resolve, reject });
      wake();
      began = new Promise((next) => (wake = next));
    });
  const run = async (index: number): Promise<Run> => {
    for (;;) {
      const found = runs[index];
      if (found !== undefined) return found;
      await began;
    }
  };
  return Object.create({ apply, runs, run });
}
