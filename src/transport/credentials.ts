import { OpAMPError } from "../errors.js";
import { canRenew, resolveHeaders } from "./settings/headers.js";
import type { TransportSettings } from "./settings/settings.js";
import type { Loss } from "./transport.js";

/** The headers of one transport, asked for afresh once the server has refused them (AUTH-01, AUTH-02). */
export class Credentials {
  readonly #settings: Pick<TransportSettings, "headers" | "authorization">;
  #refused = false;

  constructor(settings: Pick<TransportSettings, "headers" | "authorization">) {
    this.#settings = settings;
  }

  /** @throws OpAMPError `ERR_OPAMP_HEADERS`, `ERR_OPAMP_AUTH` */
  async headers(): Promise<Record<string, string>> {
    const { headers, authorization } = this.#settings;
    const resolved = await resolveHeaders(headers, authorization, { refresh: this.#refused });
    this.#refused = false;
    return resolved;
  }

  /**
   * What a refused attempt comes to: after a 401 or 403 the next one can have fresh headers, where a function makes them.
   *
   * @param away the server that refused is not of the URL's origin, so no headers went there
   */
  judge(loss: Loss, away: boolean): Loss {
    const { error } = loss;
    if (error.code !== "ERR_OPAMP_UNAUTHORIZED") return loss;
    if (away) {
      const hint = "credentials are not sent where a redirect leads to another origin: give that server's URL itself";
      return { ...loss, error: withHint(error, hint) };
    }
    if (!canRenew(this.#settings.headers)) return loss;
    this.#refused = true;
    return { ...loss, renewed: "credentials" };
  }
}

/** The same error with other advice. */
function withHint(error: OpAMPError, hint: string): OpAMPError {
  const { code, message, cause, retryable, httpStatus } = error;
  const status = httpStatus === undefined ? {} : { httpStatus };
  return new OpAMPError(code, message, { cause, hint, retryable, ...status });
}
