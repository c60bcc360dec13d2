import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectionSettingsOffersSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import type { ConnectionSettingsOptions, SettingsContext, SettingsHandler } from "../../../src/index.js";
import { type Moved, moved } from "../connection-settings/moved.js";

/** An offer as a test writes it. */
export type OffersInit = MessageInitShape<typeof ConnectionSettingsOffersSchema>;

/** A call of a handler. */
export interface Call<Settings> {
  settings: Settings;
  context: SettingsContext<Settings>;
}

/** A handler that notes its calls. @param apply what it does then */
export function noting<Settings>(apply: (call: Call<Settings>) => unknown = () => undefined) {
  const calls: Call<Settings>[] = [];
  const handler: SettingsHandler<Settings> = {
    async apply(settings, context) {
      const call = { settings, context };
      calls.push(call);
      await apply(call);
    },
  };
  return { calls, handler };
}

/** A client on virtual time that takes these settings, online. */
export function taking(settings: ConnectionSettingsOptions, given: Parameters<typeof moved>[0] = {}): Promise<Moved> {
  return moved({ settings, ...given });
}

/** Offers settings by the first server, and lets all that follows at once happen. */
export async function offers(agent: Moved, offer: Omit<OffersInit, "hash">, first = 1): Promise<void> {
  const { client, servers, clock } = agent;
  servers.old.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(first), ...offer } });
  await clock.advance(500);
}
