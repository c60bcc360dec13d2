import { oneLine } from "../../diagnostics/one-line.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import { OpAMPError } from "../../errors.js";
import type { SimulationProgress, SimulationResult } from "../../simulate/result.js";
import { checkCapacity, readCapacity } from "../../simulate/sockets/capacity.js";
import type { FleetSettings } from "../../simulate/sockets/fleet-settings.js";
import { checkTemplate } from "../../simulate/sockets/identity.js";
import { runSockets } from "../../simulate/sockets/run-sockets.js";
import { type SocketWorld, socketWorld } from "../../simulate/sockets/socket-world.js";
import { checkTarget } from "../../simulate/sockets/target.js";
import { proxyFor } from "../../transport/proxy/proxy.js";
import { prepareTls } from "../../transport/tls/tls.js";
import { isSecure, shownUrl } from "../../transport/url/endpoint.js";
import { flagWords } from "../surface-words.js";
import type { Terminal } from "../terminal.js";
import { tokenIn } from "../token-file.js";
import type { SocketFlags } from "./flags.js";
import { networkOf } from "./network-options.js";

/** Agents that start in a second unless --ramp says otherwise. */
const STARTS_PER_SECOND = 200;
const MS = 1_000;

/**
 * Runs real agents against a server, after everything that they need has been checked.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` and others, for what keeps any agent from connecting
 */
export async function simulateSockets(
  flags: SocketFlags,
  terminal: Terminal,
  signal: AbortSignal,
  onProgress: SimulationProgress,
): Promise<SimulationResult> {
  const settings = settingsOf(flags);
  const world = await prepared(flags).catch((error: unknown) => {
    throw inWordsOfOptions(error);
  });
  for (const { message, hint } of world.insecurities)
    terminal.complain(`warning: ${flagWords(`${message} (${hint})`)}`);
  const result = await runSockets(settings, world, { signal, onProgress });
  const { text: withoutSecrets } = createRedactor();
  const figures = result.figures.map(({ note, ...figure }) => {
    return note === undefined ? figure : { ...figure, note: flagWords(oneLine(note, withoutSecrets)) };
  });
  return { ...result, figures };
}

/** Sockets, once it is known that there may be as many and that the files for them can be read. */
async function prepared(flags: SocketFlags): Promise<SocketWorld> {
  const { agents, allowPublicServer = false, tokenFile } = flags;
  // What has no scheme may be a token that lost its option.
  const given = flags.url.includes("://") ? flags.url : "...";
  const network = networkOf(flags);
  const world = socketWorld({ ...network, url: given, followsRedirects: allowPublicServer });
  const { url } = world.endpoint;
  if (isSecure(url.protocol)) await prepareTls("tls", network.tls);
  if (tokenFile !== undefined) await tokenIn(tokenFile)();
  const proxy = await proxyFor(url, { tls: network.tls, proxy: network.proxy });
  const addresses = await checkTarget(url, allowPublicServer, proxy !== undefined);
  checkCapacity(agents, addresses.length, readCapacity());
  return world;
}

function inWordsOfOptions(error: unknown): unknown {
  if (!(error instanceof OpAMPError)) return error;
  const words = (text: string): string => {
    return flagWords(text.replace(/^proxy\.url(?=:)/, "--proxy").replace(/^url(?=:)/, "--url"));
  };
  return new OpAMPError(error.code, words(error.message), { cause: error.cause, hint: words(error.hint) });
}

function settingsOf(flags: SocketFlags): FleetSettings {
  const { url, agents, seed, zones, versions, attribute = {}, ramp = agents / STARTS_PER_SECOND } = flags;
  for (const [key, template] of Object.entries(attribute)) checkTemplate(`--attribute ${key}`, template);
  return {
    scenario: shownUrl(url),
    agents,
    seed,
    zones,
    versions,
    attributes: attribute,
    rampMs: ramp * MS,
    durationMs: flags.duration * MS,
    heartbeatMs: flags.heartbeat * MS,
    perMinute: { healthChanges: flags.healthChanges, restarts: flags.restarts, breaks: flags.breaks },
    failedOffers: flags.failConfig,
    applyMs: flags.configDelay * MS,
  };
}
