import type { StoredState } from "../../store/store.js";
import type { WarningEvent } from "../events.js";

export const unusedHint =
  "nothing has to be done if that is meant: they stay in the store, and count again with connectionSettings.opamp";

/** Whether an earlier process was moved by its server, or was to be. */
export function hasSettings({ connection }: StoredState): boolean {
  return connection?.accepted !== undefined || connection?.candidate !== undefined;
}

/** What is said at the start of a client that takes no settings for its connection, and has some stored. */
export function unusedSettings(state: StoredState): WarningEvent | undefined {
  if (!hasSettings(state)) return undefined;
  const message = "the connection settings that the server offered are not used: connectionSettings.opamp is not given";
  return { code: "settings-put-aside", message, hint: unusedHint };
}
