import { oneLine } from "../../diagnostics/one-line.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import type { SimulationProgress, SimulationResult } from "../../simulate/result.js";
import { checkCapacity, readCapacity } from "../../simulate/sockets/capacity.js";
import type { FleetSettings } from "../../simulate/sockets/fleet-settings.js";
import { checkTemplate } from "../../simulate/sockets/identity.js";
import { runSockets } from "../../simulate/sockets/run-sockets.js";
import { socketWorld } from "../../simulate/sockets/socket-world.js";
import { checkTarget } from "../../simulate/sockets/target.js";
import { proxyFor } from "../../transport/proxy/proxy.js";
import { shownUrl } from "../../transport/url/endpoint.js";
import { flagWords } from "../surface-words.js";
import type { Terminal } from "../terminal.js";
import type { SocketFlags } from "./flags.js";
import { networkOf } from "./network-options.js";

/** Agents that start in a second unless --ramp says otherwise. */
const STARTS_PER_SECOND = 200;
const MS = 1_000;

/**
 * Runs real agents against a server, after everything that they need has been checked.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_CONNECT`
 */
export async function simulateSockets(
  flags: SocketFlags,
  terminal: Terminal,
  signal: AbortSignal,
  onProgress: SimulationProgress,
): Promise<SimulationResult> {
  const { url, agents, allowPublicServer = false } = flags;
  const settings = settingsOf(flags);
  const network = networkOf(flags);
  const world = socketWorld({ ...network, url, followsRedirects: allowPublicServer });
  const { endpoint } = world;
  const { tls, proxy = "env" } = network;
  const hasProxy = (await proxyFor(endpoint.url, { tls, proxy })) !== undefined;
  const addresses = await checkTarget(endpoint.url, allowPublicServer, hasProxy);
  checkCapacity(agents, addresses.length, readCapacity());
  for (const { message, hint } of world.insecurities)
    terminal.complain(`warning: ${flagWords(`${message} (${hint})`)}`);
  const result = await runSockets(settings, world, { signal, onProgress });
  const { text: withoutSecrets } = createRedactor();
  const figures = result.figures.map(({ note, ...figure }) => {
    return note === undefined ? figure : { ...figure, note: flagWords(oneLine(note, withoutSecrets)) };
  });
  return { ...result, figures };
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
