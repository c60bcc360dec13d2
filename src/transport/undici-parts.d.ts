/** The files of undici that are loaded by themselves, which come without types. */
declare module "undici/lib/dispatcher/client.js" {
  import type { Client } from "undici";

  const part: typeof Client;
  export = part;
}
declare module "undici/lib/api/api-request.js" {
  import type { Client, Dispatcher } from "undici";

  function part(this: Client, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  export = part;
}
declare module "undici/lib/api/api-connect.js" {
  import type { Client, Dispatcher } from "undici";

  function part(this: Client, options: Omit<Dispatcher.ConnectOptions, "origin">): Promise<Dispatcher.ConnectData>;
  export = part;
}
