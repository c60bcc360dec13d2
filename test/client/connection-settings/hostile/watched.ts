import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { onTestFinished } from "vitest";
import type { Store } from "../../../../src/index.js";
import { lastingStore } from "../../../store/store-fixture.js";
import { moved } from "../moved.js";

const CHANNELS = ["send", "receive", "phase", "failure", "apply"].map((name) => `opamp-client:${name}`);
const EVENTS = ["phase", "error", "warning", "offer", "connection", "serverError"] as const;

/** A client of {@link moved}, and everything that it lets out: log lines, events, channels, what it looks like, its state. */
export async function watched(given: Parameters<typeof moved>[0] = {}) {
  const heard: unknown[] = [];
  const note = (message: unknown): void => void heard.push(message);
  const log = (text: string, ...more: readonly unknown[]): void => void heard.push(text, more);
  const base = "store" in given ? given.store : lastingStore();
  const store: Store | undefined = base && {
    ...base,
    save(state) {
      heard.push(state);
      return base.save(state);
    },
  };
  const logger = { debug: log, info: log, warn: log, error: log };
  const agent = await moved({ ...given, store, options: { logger, ...given.options } });
  const read = (message: unknown): void => note([message, inspect(message, { getters: true, depth: 12 })]);
  for (const channel of CHANNELS) subscribe(channel, read);
  onTestFinished(() => {
    for (const channel of CHANNELS) unsubscribe(channel, read);
  });
  for (const event of EVENTS) agent.client.on(event, note);
  const seen = (): string =>
    inspect([heard, agent.client, agent.client.stats(), agent.client.connection, agent.errors], {
      depth: 12,
      maxStringLength: null,
      maxArrayLength: null,
    });
  return { ...agent, seen };
}
