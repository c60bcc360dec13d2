import type { CertificateOptions, Store } from "../../../src/index.js";
import type { OpAMPServer } from "../../../src/testing/index.js";
import { lastingStore } from "../../store/store-fixture.js";
// Loaded by the first client otherwise, which virtual time does not wait for.
import "../../../src/client/certificates/certificate-requests.js";
import { type Moved, moved } from "../connection-settings/moved.js";
import { bytes, type OfferInit } from "../connection-settings/offers.js";
import { authority, type Issued } from "./authority.js";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

type Given = Omit<NonNullable<Parameters<typeof moved>[0]>, "settings">;

/** A client that asks for certificates, on virtual time; its servers take requests, and issue nothing by themselves. */
export async function certified(certificates: CertificateOptions = {}, given: Given = {}) {
  const policy = { endpoints: ["*.example.com"], maxPerHour: 100, ...given.policy };
  const agent = await moved({
    ...given,
    // Time passes by days here.
    options: { heartbeat: { intervalMs: 6 * HOUR_MS }, ...given.options },
    settings: { opamp: policy, certificates: { request: true, ...certificates } },
  });
  const warnings: string[] = [];
  agent.client.on("warning", ({ code }) => warnings.push(code));
  const requests: unknown[] = [];
  agent.client.on("connection", ({ certificateRequest: is }) => {
    if (is?.state !== requests.at(-1)) requests.push(is?.state);
  });
  const uids = new Set([agent.client.instanceUid]);
  agent.client.on("instanceUid", ({ instanceUid }) => uids.add(instanceUid));
  await agent.clock.advance(100);
  return { ...agent, warnings, requests, uids };
}

export type Certified = Awaited<ReturnType<typeof certified>>;

/** The requests that a server was sent by an agent, in PEM. */
export function requestsAt(server: OpAMPServer, { uids }: { readonly uids: ReadonlySet<string> }): readonly string[] {
  return server.log.flatMap(({ message, uid }) => {
    if (!("connectionSettingsRequest" in message) || !uids.has(uid)) return [];
    const csr = message.connectionSettingsRequest?.opamp?.certificateRequest?.csr;
    return csr === undefined ? [] : [new TextDecoder().decode(csr)];
  });
}

export type Authority = Awaited<ReturnType<typeof authority>>;

let shared: Promise<Authority> | undefined;

/** One for all tests of a file: making one takes a while. */
export function sharedAuthority(): Promise<Authority> {
  shared ??= authority();
  return shared;
}

let offers = 0;

/** Offers settings by one of the servers, and lets all that follows at once happen. */
export async function offerBy(server: OpAMPServer, { client, clock }: Moved, opamp: OfferInit): Promise<void> {
  offers = (offers + 1) % 250;
  server.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(1, offers), opamp } });
  await clock.advance(500);
  await clock.advance(5_000);
}

/** Issues a certificate for a request, and offers it without a key. */
export async function issue(
  server: OpAMPServer,
  agent: Moved,
  csr: string,
  { hours = 2_000, endpoint = "", ...issued }: Partial<Issued> & { hours?: number; endpoint?: string } = {},
): Promise<string> {
  const now = agent.clock.wallNow();
  const { ca, issue: sign } = await sharedAuthority();
  const cert = await sign(csr, { from: now, until: now + hours * HOUR_MS, ...issued });
  await offerBy(server, agent, {
    certificate: { cert: bytes(cert), caCert: bytes(ca) },
    destinationEndpoint: endpoint,
  });
  return cert;
}

/** A store whose blobs can be looked at. */
export function openStore() {
  const blobs = new Map<string, Uint8Array>();
  const base = lastingStore();
  const store: Store = {
    ...base,
    blobs: {
      read: async (name) => blobs.get(name),
      write: async (name, content) => void blobs.set(name, new Uint8Array(content)),
      remove: async (name) => void blobs.delete(name),
    },
  };
  const text = (): string =>
    [...blobs].map(([name, content]) => `${name}: ${new TextDecoder().decode(content)}`).join("\n");
  return { store, blobs, text };
}
