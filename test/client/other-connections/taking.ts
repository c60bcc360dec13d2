import type { ConnectionSettingsOptions, SettingsContext, SettingsHandler } from "../../../src/index.js";
import { testCertificates } from "../../../src/testing/index.js";
import { type Moved, moved } from "../connection-settings/moved.js";
import { bytes } from "../connection-settings/offers.js";

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

/** Two client certificates that are valid at this time. */
export async function certificatesAt(wallNow: number) {
  const { issue } = await testCertificates();
  const one = async () => {
    const { cert, key } = await issue({ usage: "client", notBefore: new Date(wallNow - 1_000) });
    return { cert: bytes(cert), privateKey: bytes(key) };
  };
  return [await one(), await one()] as const;
}
