import type { Input, StateChange, SwitchFailure } from "../../core/io.js";
import type { OpAMPError } from "../../errors.js";
import type { StoredState } from "../../store/store.js";
import type { Certificates } from "../certificates/certificates.js";
import type { ConnectionEvent } from "../connection-options.js";
import type { ConnectionMoves } from "./connection-moves.js";
import type { Restored } from "./left-behind.js";
import type { SettingsOffer } from "./offer-plan.js";

/** What of the client takes part in offers of connection settings. */
export interface SettingsParts {
  /** There where the server may change the agent's own connection. */
  readonly moves: ConnectionMoves | undefined;
  /** There where the agent asks for certificates for it. */
  readonly certificates: Certificates | undefined;
  readonly feed: (input: Input) => void;
  /** Takes secrets out of what the server is told. */
  readonly redact: (text: string) => string;
}

/** Runs offers of connection settings: the agent's own connection first, then the others; they have one status. */
export class SettingsOffers {
  readonly #parts: SettingsParts;

  constructor(parts: SettingsParts) {
    this.#parts = parts;
  }

  /** The agent's own connection; `undefined` where the server may not change it. */
  get facts(): ConnectionEvent | undefined {
    return this.#parts.moves?.facts;
  }

  /** Takes up what an earlier process left; what cannot be used is put aside. */
  async restore(state: StoredState): Promise<Restored> {
    const { moves, certificates } = this.#parts;
    const restored = (await moves?.restore(state)) ?? {};
    if (moves !== undefined) await certificates?.restore(moves);
    return restored;
  }

  get certificates(): Certificates | undefined {
    return this.#parts.certificates;
  }

  /** The core applies an offer. */
  apply(offered: SettingsOffer, id: number): void {
    const { moves } = this.#parts;
    if (moves === undefined) this.#end(id, undefined);
    else moves.apply(offered, id, (error) => this.#end(id, error));
  }

  abort(id: number, why: string): void {
    this.#parts.moves?.abort(id, why);
  }

  /** Keeps a step of a trial. What the core dials with next follows at once. */
  persist(id: number, change: Extract<StateChange, { what: "settings" }>): void {
    this.#parts.moves?.persist(id, change);
  }

  /** The connection was moved, or it was not. */
  switched(id: number, failed: SwitchFailure | undefined): void {
    this.#parts.moves?.switched(id, failed);
  }

  /** The server in force is left for the one on trial. */
  leaving(): void {
    this.#parts.moves?.leaving();
  }

  /** An attempt to connect failed. */
  attemptFailed(error: OpAMPError): void {
    this.#parts.moves?.attemptFailed(error);
    this.#parts.certificates?.attemptFailed();
  }

  /** Goes back to what the options say. */
  forget(): void {
    this.#parts.moves?.forget();
  }

  /** Nothing is kept any more. */
  forgotten(): void {
    this.#parts.moves?.forgotten();
  }

  /** The end of the client. */
  async ended(): Promise<void> {
    await this.#parts.certificates?.stop();
    await this.#parts.moves?.ended();
  }

  #end(id: number, error: string | undefined): void {
    const { feed, redact } = this.#parts;
    const ended = { type: "handled", kind: "connectionSettings", id } as const;
    feed(error === undefined ? ended : { ...ended, error: redact(error) });
  }
}
