/// <reference path="./undici-parts.d.ts" />
import type { Client, Dispatcher } from "undici";
import { loaded } from "../base/load.js";

/** What is used of undici. A client that is loaded like this has no methods for the two calls. */
export interface Undici {
  Client: typeof Client;
  request(this: Client, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  connect(this: Client, options: Omit<Dispatcher.ConnectOptions, "origin">): Promise<Dispatcher.ConnectData>;
}

/**
 * Loads undici's client and its two calls from their own files: its main file puts a dispatcher of its own where the `fetch`
 * of Node, and any other undici of the host, looks for one.
 *
 * @throws OpAMPError `ERR_OPAMP_INCOMPLETE` when it cannot be loaded
 */
export async function loadUndici(): Promise<Undici> {
  const parts = Promise.all([
    import("undici/lib/dispatcher/client.js"),
    import("undici/lib/api/api-request.js"),
    import("undici/lib/api/api-connect.js"),
  ]);
  const [client, request, connect] = await loaded("undici", parts);
  return { Client: client.default, request: request.default, connect: connect.default };
}
