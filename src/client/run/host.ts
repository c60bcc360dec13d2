import type { HostOutput } from "../../core/io.js";
import type { StoredState } from "../../store/store.js";
import { fromStoredConfig } from "../../values/config-files.js";
import type { ChannelsOnDemand } from "../handlers/channels-on-demand.js";
import type { HostCalls } from "../handlers/host-calls.js";
import type { SelfDescription } from "../handlers/self-description.js";
import type { Notifier } from "../observe/notifier.js";
import type { Telemetry } from "../observe/telemetry.js";
import type { Persistence } from "../state/persistence.js";
import type { Waiters } from "./waiters.js";

/** Takes what the core wants of the host program to whoever does it. */
export class Host {
  readonly #self: SelfDescription;
  readonly #calls: HostCalls;
  readonly #channels: ChannelsOnDemand;
  readonly #notifier: Notifier;
  readonly #persistence: Persistence;
  readonly #waiters: Waiters;
  readonly #telemetry: Telemetry;

  constructor(
    self: SelfDescription,
    calls: HostCalls,
    channels: ChannelsOnDemand,
    notifier: Notifier,
    persistence: Persistence,
    waiters: Waiters,
    telemetry: Telemetry,
  ) {
    this.#self = self;
    this.#calls = calls;
    this.#channels = channels;
    this.#notifier = notifier;
    this.#persistence = persistence;
    this.#waiters = waiters;
    this.#telemetry = telemetry;
  }

  /** What a store remembers of an earlier life, besides what the core is told. */
  restore({ lastGoodConfig }: StoredState): void {
    if (lastGoodConfig !== undefined) this.#calls.restore(fromStoredConfig(lastGoodConfig));
  }

  carryOut(output: HostOutput): void {
    switch (output.type) {
      case "fetchEffectiveConfig":
        return this.#calls.fetchEffectiveConfig();
      case "apply":
        return void this.#calls.apply(output.id, output.offer);
      case "abort":
        return this.#calls.abort(output.id, output.why);
      case "restart":
        return void this.#calls.restart();
      case "saveRemoteConfig": {
        const { lastRemoteConfigHash: hash, status, errorMessage: error } = output.state;
        if (status !== 1) return this.#persistence.save({ remoteConfig: { hash, status: "failed", error } });
        return this.#persistence.saveApplied({ hash, status: "applied", error }, this.#calls.applied);
      }
      case "saveInstanceUid":
        this.#persistence.save({ instanceUid: output.uid });
        if (output.uid === output.previous) return;
        this.#self.renamed();
        return this.#notifier.instanceUid(output.uid, output.previous);
      case "saveHeartbeat":
        return this.#persistence.saveHeartbeat(output.wishMs);
      case "phase":
        this.#waiters.phase(output.phase);
        return this.#notifier.phase(output);
      case "remoteConfigStatus":
        return this.#notifier.remoteConfig(output.state);
      case "serverCapabilities":
        return this.#notifier.listeners.emit("serverCapabilities", output.mask);
      case "serverCustomCapabilities":
        return this.#notifier.listeners.emit("serverCustomCapabilities", output.names);
      case "customMessage":
        this.#telemetry.customReceived();
        return this.#channels.current?.deliver(output.message);
      case "customSettled":
        this.#telemetry.customSettled(output.fate);
        return this.#channels.current?.settled(output.id, output.fate);
      case "heartbeatInterval":
        return this.#notifier.heartbeatInterval(output.intervalMs);
      case "notice":
        if (output.notice.kind === "effectiveConfigLate") this.#calls.effectiveConfigLate();
        return this.#notifier.notice(output.notice);
      default:
        return output satisfies never;
    }
  }
}
