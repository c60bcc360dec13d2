import { connect, getDefaultAutoSelectFamilyAttemptTimeout, type Socket } from "node:net";
import { makeGuest } from "./guest-socket.js";
import { type SocketGroup, until } from "./socket-group.js";

/** Idle connections are probed this often, so that what lies in between does not forget them. */
const PROBE_AFTER_MS = 60_000;
/** How long one address of several may take; an answer by way of a satellite takes some 700 ms. */
const ADDRESS_MS = 1_000;
/** What Node allows by itself: so little that far hosts with several addresses are never reached. */
const NODE_ADDRESS_MS: readonly number[] = [250, 500];

/** Connects; rejects with what Node says. */
export async function connectTcp(host: string, port: number, keepAlive: boolean, group: SocketGroup): Promise<Socket> {
  const socket = group.add(() => {
    const made = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
      autoSelectFamilyAttemptTimeout: addressTimeoutMs(),
    });
    if (!keepAlive) makeGuest(made);
    return made;
  });
  await until(socket, "connect");
  return socket;
}

function addressTimeoutMs(): number {
  const set = getDefaultAutoSelectFamilyAttemptTimeout();
  // A value of the host's own counts.
  return NODE_ADDRESS_MS.includes(set) ? ADDRESS_MS : set;
}
