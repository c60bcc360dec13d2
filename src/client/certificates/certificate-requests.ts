import { hexOf, sha256 } from "../../base/bytes.js";
import { CLOCK_ERROR_MS } from "../../base/time.js";
import { newKey, signingRequest } from "../../connection-settings/certificates/signing-request.js";
import { subjectFor } from "../../connection-settings/certificates/subject.js";
import type { Input } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { StoreBlobs } from "../../store/store.js";
import type { CertificateRequestState, CertificateRules } from "../certificate-options.js";
import type { Clock } from "../clock.js";
import type { WarningEvent } from "../events.js";
import { type CertifiedConnection, offeredValidity, renewalOf } from "./certificate-in-force.js";
import { RequestFeed } from "./request-feed.js";
import { mayMakeAt, paced } from "./request-pace.js";
import { RequestFile, type RequestRecord } from "./request-record.js";
import { nextStep } from "./request-step.js";
import { WallTimer } from "./wall-timer.js";

/** The connection as far as certificates change it. */
export interface CertifiableConnection extends CertifiedConnection {
  /** Goes back to what the options say. */
  forget(): void;
  /** Its facts are others than before. */
  requestMoved(): void;
}

/** The parts of the client that requests use. */
export interface CertificateParts {
  readonly rules: CertificateRules;
  readonly blobs: StoreBlobs;
  /** Whether the store with them is for this client. */
  readonly persistence: { readonly isKept: boolean };
  /** Of the options: a request made under others is put aside. */
  readonly origin: string;
  readonly clock: Clock;
  readonly connection: CertifiableConnection;
  /** Whether nothing is asked for now. */
  readonly isHeld: () => boolean;
  /** As UUID text. */
  readonly instanceUid: () => string;
  readonly feed: (input: Input) => void;
  readonly failed: (error: OpAMPError) => void;
  readonly warn: (event: WarningEvent) => void;
}

const WHERE = "connectionSettings.certificates";
/** Until a request that could not be made is tried again. */
const RETRY_MS = 600_000;

/**
 * Asks for client certificates: makes key and request, keeps both before the request leaves, and sees to it that there is
 * a next one in time. What comes of a request is an offer like any other, which is read with {@link CertificateRequests.keys}.
 */
export class CertificateRequests {
  readonly #parts: CertificateParts;
  readonly #file: RequestFile;
  readonly #feed: RequestFeed;
  #record: RequestRecord | undefined;
  /** Between the start and the end of the client. */
  #isRunning = false;
  #isMaking = false;
  /** Who wants one now. */
  #asker: "host" | "agent" | undefined;
  /** It was said that the next one waits. */
  #isHeldTold = false;
  /** Nothing is made before this time of day. */
  #retryAt = 0;
  readonly #timer: WallTimer;

  constructor(parts: CertificateParts) {
    this.#parts = parts;
    this.#file = new RequestFile(parts.blobs, (cause) => this.#complain(cause));
    this.#feed = new RequestFeed(parts.connection, parts.feed, parts.warn);
    this.#timer = new WallTimer(parts.clock, () => this.review());
  }

  /** The private keys that a certificate may be for which comes without one, in PEM. */
  get keys(): readonly string[] {
    return this.#record?.key === undefined ? [] : [this.#record.key];
  }

  /** `undefined` where there is no request, or its certificate is in force. */
  get state(): CertificateRequestState | undefined {
    if (this.#record === undefined || this.#record.state === "issued") return undefined;
    return { state: this.#record.state, since: new Date(this.#record.at) };
  }

  /** Takes up what an earlier process left. */
  async restore(): Promise<void> {
    const { persistence, origin } = this.#parts;
    if (!persistence.isKept) return;
    // What cannot be read is read again before anything is made in its place.
    this.#record = await this.#file.read(origin).catch(() => undefined);
  }

  /** The client has its instance uid, and begins to connect. */
  started(): void {
    this.#isRunning = true;
    this.review();
  }

  /** Asks now, whatever there is: with the key that waits for its certificate where there is one. */
  ask(): void {
    this.#asker = "host";
    this.#retryAt = 0;
    this.review();
  }

  /** The server in force declares this. */
  declared(mask: bigint): void {
    this.#feed.declared(mask);
  }

  /** The server has answered the request. */
  settled(fate: "answered" | "refused", text: string): void {
    this.#feed.settled();
    const record = this.#record;
    if (record === undefined || record.state === "issued") return;
    const state = fate === "answered" ? "requested" : "refused";
    this.#became({ ...record, state, at: this.#parts.clock.wallNow(), server: this.#feed.host });
    if (fate === "refused") {
      const message = `the server refused to issue a certificate: ${text}`;
      const hint = `see what the server wants, and set ${WHERE}.subject or .keyType; requestCertificate() asks again`;
      this.#parts.warn({ code: "certificate-refused", message, hint });
    }
    this.review();
  }

  /** An attempt to connect with what is in force, or on trial, failed. */
  attemptFailed(): void {
    const { rules, connection, clock } = this.#parts;
    if (!this.#isRunning || rules.expired !== "bootstrap") return;
    const until = offeredValidity(connection)?.until;
    const { state } = connection.facts;
    const isOnTrial = state === "candidate" || state === "verifying";
    const now = clock.wallNow();
    if (until === undefined || now <= until + CLOCK_ERROR_MS || isOnTrial) return;
    this.#asker ??= "agent";
    const message = `the connection settings that the server offered are put aside: their client certificate ended on ${new Date(until).toISOString()}, and the server is not reached with it`;
    const hint = "nothing has to be done: the options count, and the agent asks for another certificate";
    this.#parts.warn({ code: "settings-put-aside", message, hint });
    connection.forget();
  }

  /** Other settings are in force, or may be. What they do not allow ends at once. */
  connectionMoved(): void {
    if (!this.#isRunning) return;
    this.#feed.again();
    // What was accepted is stored first.
    this.#parts.clock.soon(() => this.review());
  }

  /** Looks at what is to be done now, and when next: after whatever may change the answer. */
  review(): void {
    if (!this.#isRunning || this.#isMaking || !this.#parts.persistence.isKept) return;
    const now = this.#parts.clock.wallNow();
    this.#noteIssued(now);
    if (this.#parts.isHeld() && !this.#feed.isSet) return;
    const retryInMs = this.#retryAt - now;
    // A longer one is by a clock that was ahead.
    const isResting = retryInMs > 0 && retryInMs <= RETRY_MS;
    const step = isResting ? undefined : nextStep(this.#record, this.#ground(now));
    if (step === "sendAgain" && this.#record !== undefined) {
      this.#asker = undefined;
      this.#became({ ...this.#record, state: "waiting", at: now });
    } else if (step !== undefined) {
      this.#feed.set(undefined);
      const heldUntil = this.#asker === "host" ? now : mayMakeAt(this.#record?.pacedUntil, now);
      if (now < heldUntil) return this.#hold(now, heldUntil);
      return void this.#make(step === "makeWithSameKey" ? this.#record?.key : undefined);
    }
    if (this.#record?.state === "waiting") this.#asker = undefined;
    this.#feed.set(this.#record?.state === "waiting" ? this.#record.csr : undefined);
    this.#arm(now);
  }

  /** The end of the client. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer.clear();
    await this.#file.ended();
  }

  async #make(kept: string | undefined): Promise<void> {
    const { rules, clock, origin, instanceUid } = this.#parts;
    const { keyType } = rules;
    this.#isMaking = true;
    try {
      if (this.#file.isUnread) {
        this.#record = await this.#file.read(origin);
        if (this.#record !== undefined) return;
      }
      const about = this.#about;
      const subject = subjectFor(`${WHERE}.subject`, rules.subject, instanceUid());
      const key = kept ?? (await newKey(keyType));
      // The store may be another client's by now.
      if (!this.#isRunning) return;
      const csr = signingRequest(keyType, key, subject);
      const at = clock.wallNow();
      // What the host asks for is not limited, and takes nothing from what is.
      const pacedUntil =
        this.#asker === "host" ? (this.#record?.pacedUntil ?? at) : paced(this.#record?.pacedUntil, at);
      const record = { about, keyType, state: "waiting", at, server: "", origin, pacedUntil, key, csr } as const;
      await this.#file.write(record);
      this.#asker = undefined;
      this.#isHeldTold = false;
      this.#record = record;
      this.#parts.connection.requestMoved();
    } catch (cause) {
      this.#retryAt = clock.wallNow() + RETRY_MS;
      this.#complain(cause, "; it is tried again in ten minutes");
    } finally {
      this.#isMaking = false;
      this.review();
    }
  }

  /** The certificate came, and is in force: its key is kept with it, and no longer here. */
  #noteIssued(now: number): void {
    const { certificate } = this.#parts.connection.snapshot;
    const record = this.#record;
    if (record?.key === undefined || certificate?.key !== record.key) return;
    const { key: _key, csr: _csr, ...rest } = record;
    this.#asker = undefined;
    this.#became({ ...rest, state: "issued", at: now });
  }

  /** What is wanted waits, and what is wanted by then is asked for. */
  #hold(now: number, until: number): void {
    this.#arm(now, until);
    if (this.#isHeldTold) return;
    this.#isHeldTold = true;
    const message = `the next certificate is requested in ${Math.ceil((until - now) / 60_000)} min: the server has this agent ask too often`;
    const hint =
      "see whether it assigns instance uids over and over, or issues certificates that soon end; requestCertificate() asks at once";
    this.#parts.warn({ code: "certificate-not-requested", message, hint });
  }

  #became(record: RequestRecord): void {
    this.#record = record;
    this.#file.keep(record);
    this.#parts.connection.requestMoved();
  }

  get #about(): string {
    const { rules, instanceUid } = this.#parts;
    // A function may give something else each time: not a reason to ask again and again.
    const subject = typeof rules.subject === "function" ? "" : JSON.stringify(rules.subject ?? {});
    return hexOf(sha256([instanceUid(), rules.keyType, subject])).slice(0, 32);
  }

  #ground(now: number) {
    const { rules, connection } = this.#parts;
    const renewAt = renewalOf(connection, rules.renewBeforeMs);
    return { rules, now, about: this.#about, server: this.#feed.host, isAsked: this.#asker !== undefined, renewAt };
  }

  #arm(now: number, heldUntil = now): void {
    const { rules, connection } = this.#parts;
    const { state, at = 0 } = this.#record ?? {};
    const isOpen = state === "requested" || state === "refused";
    const never = Number.POSITIVE_INFINITY;
    const times = [
      isOpen ? at + rules.askAgainMs : never,
      renewalOf(connection, rules.renewBeforeMs) ?? never,
      this.#retryAt,
      heldUntil,
    ];
    this.#timer.set(Math.min(...times.filter((time) => time > now)));
  }

  #complain(cause: unknown, next = ""): void {
    const { code, hint } =
      cause instanceof OpAMPError ? cause : { code: "ERR_OPAMP_HANDLER" as const, hint: undefined };
    const details = { cause, hint: hint && `${hint}${next}` };
    this.#parts.failed(new OpAMPError(code, `no certificate is requested: ${messageOf(cause)}`, details));
  }
}
