import type { Phase } from "opamp-client";
import type { TransportName } from "opamp-client/testing";

/** The custom capability that agent and server of the demo share. */
export const PIPELINES = "com.example.pipelines";

/** What the agent process tells the demo. */
export type AgentSaid =
  | { what: "phase"; phase: Phase; previous: Phase; error: string; retryInMs: number }
  /** The remote config handler was called. */
  | { what: "checking"; hash: string }
  | { what: "written"; path: string; bytes: number }
  | { what: "custom"; type: string }
  /** A log line of the client itself. */
  | { what: "log"; text: string }
  | { what: "unable"; error: string };

/** A message from the agent as the server's log has it. */
export interface Received {
  what: "received";
  uid: string;
  sequenceNum: number;
  /** Service name and version, if the message describes the agent. */
  agent?: string;
  health?: { status: string; components: string[] };
  effectiveConfig?: string;
  remoteConfig?: { status: string; hash: string; error: string };
  customCapabilities?: string[];
  custom?: { type: string; text: string };
  disconnects: boolean;
}

/** What the server process tells the demo. */
export type ServerSaid =
  | { what: "listening"; port: number; urls: Record<TransportName, string> }
  | { what: "connection"; over: TransportName }
  | Received
  | { what: "sent"; offer?: string; custom?: string; asksForEverything: boolean };

/** A configuration for one agent. */
export interface Offer {
  uid: string;
  yaml: string;
}

/** What the demo tells the server process. */
export type ServerOrder =
  /** Port 0 is any free one. With an offer, the server has it before the agent comes. */
  { do: "listen"; port: number; offer?: Offer } | ({ do: "offer" } & Offer) | { do: "ask"; uid: string; type: string };

/** Something said, and when by {@link now}. */
export interface Told<Said> {
  at: number;
  said: Said;
}

/** Tells the demo, from one of its processes. */
export function tell<Said extends AgentSaid | ServerSaid>(said: Said, at: number = now()): void {
  const told: Told<Said> = { at, said };
  if (process.connected) process.send?.(told);
}

/** Milliseconds on a clock that all processes of a machine share, so that what they say can be put in order. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A hash as it is shown. */
export function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString("hex");
}
