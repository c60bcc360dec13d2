import type { buildConnector, Dispatcher, RequestInit as UndiciRequestInit } from "undici";
import { type Dialling, dial } from "../transport/dial.js";
import { plainProxyFor } from "../transport/proxy/proxy.js";
import type { DialSettings } from "../transport/settings/settings.js";

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
  const straight = new undici.Agent({ connect });
  const inAbsoluteForm = straight.compose(
    (dispatch): Dispatcher.Dispatch =>
      (options, handler) =>
        dispatch({ ...options, path: `${String(options.origin)}${options.path}` }, handler),
  );
  return {
    async fetch(url, init) {
      const proxy = await plainProxyFor(new URL(url), settings);
      const headers = new Headers(init.headers);
      for (const [name, value] of Object.entries(proxy?.headers ?? {})) headers.set(name, value);
      const dispatcher = proxy === undefined ? straight : inAbsoluteForm;
      return undici.fetch(url, { ...init, headers, dispatcher } as UndiciRequestInit) as unknown as Promise<Response>;
    },
    async close() {
      for (const dialling of dials) dialling.destroy();
      await straight.destroy();
    },
  };
}
