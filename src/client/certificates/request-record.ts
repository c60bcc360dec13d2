import { attempt, isRecord } from "../../base/checks.js";
import type { CertificateKeyType } from "../../connection-settings/certificates/key-types.js";
import { keyTypes } from "../../connection-settings/certificates/key-types.js";
import { messageOf, OpAMPError, ownHint } from "../../errors.js";
import { REQUEST_BLOB } from "../../store/blob-format.js";
import type { StoreBlobs } from "../../store/store.js";

/** What is remembered of the last signing request. */
export interface RequestRecord {
  /** Stands for all that the request says, so that a request for something else can be told from it. */
  readonly about: string;
  readonly keyType: CertificateKeyType;
  /** As {@link CertificateRequestState} has it; `issued`: its certificate is in force. */
  readonly state: "waiting" | "requested" | "refused" | "issued";
  /** Since when, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** The host of the server that has it; empty while none has. */
  readonly server: string;
  /** Of the options that it was made under: others put it aside. */
  readonly origin: string;
  /** Counts requests, as {@link mayMakeAt} has it. */
  readonly pacedUntil?: number;
  /** PKCS#8 in PEM; gone with the record's certificate, which has it then. */
  readonly key?: string;
  /** The request itself, in PEM. */
  readonly csr?: string;
}

const STATES: readonly RequestRecord["state"][] = ["waiting", "requested", "refused", "issued"];

/** Keeps a signing request with its key, in a file of its own. */
export class RequestFile {
  readonly #blobs: StoreBlobs;
  readonly #failed: (cause: unknown) => void;
  #last: Promise<unknown> = Promise.resolve();
  /** It could not be read: what is there may have a key that a certificate is on its way for. */
  #isUnread = false;

  /** @param failed is told of what could not be kept, where nobody waits for it */
  constructor(blobs: StoreBlobs, failed: (cause: unknown) => void) {
    this.#blobs = blobs;
    this.#failed = failed;
  }

  /** Whether it is to be read before there is a new one. */
  get isUnread(): boolean {
    return this.#isUnread;
  }

  /** What was kept last, where it is whole and was made under these options; rejects where it cannot be read now. */
  async read(origin: string): Promise<RequestRecord | undefined> {
    this.#isUnread = true;
    // One blob has all of it, so that key and request are never apart.
    const bytes = await this.#blobs.read(REQUEST_BLOB);
    this.#isUnread = false;
    if (bytes === undefined) return undefined;
    const record = decoded(bytes);
    return record?.origin === origin ? record : undefined;
  }

  /** Resolves once it lasts; rejects with `ERR_OPAMP_STORE` where it does not. */
  write(record: RequestRecord): Promise<void> {
    const written = this.#write(new TextEncoder().encode(JSON.stringify(record)));
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** The same where nobody waits for it. */
  keep(record: RequestRecord): void {
    this.write(record).catch(this.#failed);
  }

  /** The end of what is being written. */
  async ended(): Promise<void> {
    await this.#last;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#blobs.write(REQUEST_BLOB, bytes);
    } catch (cause) {
      throw new OpAMPError("ERR_OPAMP_STORE", `the key cannot be kept: ${messageOf(cause)}`, {
        cause,
        hint: ownHint(cause),
      });
    }
  }
}

function decoded(bytes: Uint8Array): RequestRecord | undefined {
  const json: unknown = attempt(() => JSON.parse(new TextDecoder().decode(bytes)));
  if (!isRecord(json)) return undefined;
  const { about, at, server, origin, pacedUntil, key, csr } = json;
  const state = STATES.find((known) => known === json["state"]);
  const keyType = keyTypes.find((known) => known === json["keyType"]);
  if (state === undefined || keyType === undefined || typeof at !== "number" || !Number.isFinite(at)) return undefined;
  if (typeof about !== "string" || typeof server !== "string" || typeof origin !== "string") return undefined;
  const paced = typeof pacedUntil === "number" && Number.isFinite(pacedUntil) && { pacedUntil };
  const record = { about, keyType, state, at, server, origin, ...paced };
  if (state === "issued") return record;
  return typeof key === "string" && typeof csr === "string" ? { ...record, key, csr } : undefined;
}
