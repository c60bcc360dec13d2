import { insecurities } from "../../transport/insecure.js";
import type { Transports } from "../connection/transports.js";
import type { WarningEvent } from "../events.js";

const OFFERED = "; the server offered this: give another connectionSettings.settingsEpoch to go back to the options";

/** Warns of what is not safe about the settings in force, which the server may change: of each thing once while it lasts. */
export class InsecureInForce {
  readonly #transports: Transports;
  /** What the options themselves come to. */
  readonly #own: readonly string[];
  readonly #warn: (event: WarningEvent) => void;
  #told: readonly string[] = [];

  /** @param own what is not safe about the options */
  constructor(transports: Transports, own: readonly WarningEvent[], warn: (event: WarningEvent) => void) {
    this.#transports = transports;
    this.#own = own.map(({ message }) => message);
    this.#warn = warn;
  }

  /** Other settings may be in force. */
  review(): void {
    const { inForce } = this.#transports;
    if (inForce === undefined) return;
    const found = insecurities(inForce.endpoint.url, inForce.tls, inForce.proxy);
    const before = this.#told;
    this.#told = found.map(({ message }) => message);
    for (const { code, message, hint } of found) {
      const whose = this.#own.includes(message) ? "" : OFFERED;
      if (!before.includes(message)) this.#warn({ code, message, hint: `${hint}${whose}` });
    }
  }
}
