import { type ReadOptions, readExtensionConfig } from "../../src/extension/config/read-extension-config.js";
import { resolveHeaders } from "../../src/transport/settings/headers.js";
import { refusal } from "../client/refusal.js";

/** What must never be shown. */
export const SECRET = "s3cret-4711";

export type Tree = { readonly [key: string]: unknown };

/** A reference, such as to `env:X`. */
export function ref(to: string): string {
  return `\${${to}}`;
}

/** A block with one key, given by its path, next to what every block needs. */
export function blockWith(path: string, value: unknown): Tree {
  const block: Tree = path.startsWith("server.")
    ? {}
    : { server: { ws: { endpoint: "wss://opamp.example.com/v1/opamp" } } };
  return put(block, path.split("."), value);
}

export function put(tree: Tree, [first = "", ...rest]: readonly string[], value: unknown): Tree {
  const below = tree[first];
  const inner = typeof below === "object" && below !== null ? { ...below } : {};
  return { ...tree, [first]: rest.length === 0 ? value : put(inner, rest, value) };
}

/** The block with the key below one transport, next to an endpoint. */
export function serverWith(transport: "ws" | "http", more: Tree): Tree {
  const endpoint = transport === "ws" ? "wss://opamp.example.com/v1/opamp" : "https://opamp.example.com/v1/opamp";
  return { server: { [transport]: { endpoint, ...more } } };
}

/** All that a refusal tells, without a secret in it. */
export function refused(config: string | object, options: ReadOptions = { env: {} }) {
  const error = refusal(() => readExtensionConfig(config, options));
  const told = `${error.message}\n${error.hint}`;
  if (told.includes(SECRET)) throw new Error("the refusal shows a secret");
  return { code: error.code, message: error.message, hint: error.hint };
}

/** The headers of one attempt by a server that uses an auth extension. */
export async function headersBy(extensions: Tree, auth: string, headers: Tree = {}, env: Record<string, string> = {}) {
  const opamp = serverWith("ws", { auth, headers });
  const { server } = readExtensionConfig({ extensions: { opamp, ...extensions } }, { env });
  return resolveHeaders([server.headers, ...(server.auth === undefined ? [] : [server.auth])], undefined);
}
