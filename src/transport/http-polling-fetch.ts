import type { buildConnector, RequestInit as UndiciRequestInit } from "undici";
import { type Dialling, dial } from "./dial.js";
import type { DialSettings } from "./settings.js";

/** A `fetch` whose connections are made as the transports' are, and end with it. */
export interface OwnFetch {
  fetch(url: string, init: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** For the few requests beside the polling, such as for a token. */
export async function openFetch(settings: DialSettings): Promise<OwnFetch> {
  const undici = await import("undici");
  const dials: Dialling[] = [];
  const connect: buildConnector.connector = ({ protocol, host }, callback) => {
    const dialling = dial(new URL(`${protocol}//${host}`), settings);
    dials.push(dialling);
    dialling.socket.then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
  const dispatcher = new undici.Agent({ connect });
  return {
    fetch: (url, init) =>
      undici.fetch(url, { ...init, dispatcher } as UndiciRequestInit) as unknown as Promise<Response>,
    async close() {
      for (const dialling of dials) dialling.destroy();
      await dispatcher.destroy();
    },
  };
}
