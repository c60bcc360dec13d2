import type { Option } from "commander";
import { bearerAuth } from "../../auth/static-credentials.js";
import type { SocketOptions } from "../../simulate/sockets/socket-world.js";
import type { ProxyOptions } from "../../transport/settings/settings.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { doctorCommand } from "../doctor/doctor.js";
import type { Terminal } from "../terminal.js";
import { tokenIn } from "../token-file.js";

/** What the options say that `opamp doctor` has too. */
export interface NetworkFlags extends Pick<TlsOptions, "ca" | "cert" | "key" | "serverName" | "insecureSkipVerify"> {
  header?: Record<string, string>;
  tokenFile?: string;
  proxy: string;
  compression?: true;
}

/** The same as options of a client. */
export interface NetworkOptions extends Pick<SocketOptions, "headers" | "compression"> {
  tls: TlsOptions;
  proxy: ProxyOptions | "env" | false;
}

const NAMES: readonly string[] = [
  "--header",
  "--token-file",
  "--ca",
  "--cert",
  "--key",
  "--server-name",
  "--insecure-skip-verify",
  "--proxy",
  "--compression",
];

/** The options about the way to the server, as `opamp doctor` has them. */
export function networkOptions(terminal: Terminal): readonly Option[] {
  return doctorCommand(terminal).options.filter(({ long }) => long != null && NAMES.includes(long));
}

/** What the options come to. */
export function networkOf(flags: NetworkFlags): NetworkOptions {
  const { header = {}, tokenFile, proxy, compression = false, ca, cert, key, serverName, insecureSkipVerify } = flags;
  return {
    headers: tokenFile === undefined ? header : [header, bearerAuth(tokenIn(tokenFile))],
    tls: { ca, cert, key, serverName, insecureSkipVerify },
    proxy: proxy === "env" ? proxy : proxy !== "none" && { url: proxy },
    compression,
  };
}
