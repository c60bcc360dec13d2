import { type InspectOptions, inspect } from "node:util";

/** How an object is printed whose members are getters, which `inspect` does not show. */
export function shown(name: string, members: object, depth: number, options: InspectOptions): string {
  return depth < 0 ? `[${name}]` : `${name} ${inspect(members, options)}`;
}
