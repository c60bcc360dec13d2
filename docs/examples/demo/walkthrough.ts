import { ok } from "node:assert";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { TransportName } from "opamp-client/testing";
import { withBackupExporter, withBatchTimeout, withUndefinedExporter } from "./collector-config.js";
import type { AgentSaid, Offer, Received, ServerOrder, ServerSaid } from "./messages.js";
import { Peer } from "./peer.js";
import type { Step } from "./steps.js";
import type { Timeline } from "./timeline.js";
import { agentWords, serverWords } from "./words.js";

type Agent = Peer<AgentSaid>;
type Server = Peer<ServerSaid, ServerOrder>;

/** Leads a server and an agent through the whole story over one transport. */
export class Walkthrough {
  readonly #timeline: Timeline<Step>;
  readonly #path: string;
  readonly #hashes = new Set<string>();
  #uid = "";

  /** @param path the agent's configuration file */
  constructor(timeline: Timeline<Step>, path: string) {
    this.#timeline = timeline;
    this.#path = path;
  }

  /** Rejects at the first step that fails. */
  async run(transport: TransportName): Promise<void> {
    const { server, port, urls } = await this.#timeline.step("server started", () => this.#startServer(0));
    const args = ["--impatient", urls[transport], dirname(this.#path)];
    const agent: Agent = new Peer({ name: "agent", script: "agent.ts", args, words: agentWords }, this.#timeline);

    const original = await this.#meet(server, agent);
    const faster = withBatchTimeout(original, "1s");
    const corrected = withBackupExporter(faster);
    await this.#offerGood(server, agent, faster);
    await this.#offerBroken(server, withUndefinedExporter(faster));
    const hash = await this.#offerCorrected(server, corrected);

    const isUntouched = await this.#watch(agent);
    await this.#kill(server, agent);
    const offer = { uid: this.#uid, yaml: corrected };
    const restarted = await this.#timeline.step("server restarted", () => this.#startServer(port, offer));
    await this.#meetAgain(restarted.server, agent, hash, isUntouched);
    await this.#exchangeCustomMessages(restarted.server, agent);
    await this.#stop(restarted.server, agent, isUntouched);
  }

  /** Port 0 is any free one. */
  async #startServer(port: number, offer?: Offer) {
    const server: Server = new Peer({ name: "server", script: "server.ts", words: serverWords() }, this.#timeline);
    server.order({ do: "listen", port, ...(offer && { offer }) });
    const listening = await this.#timeline.seen(() => server.find("listening"));
    return { server, port: listening.port, urls: listening.urls };
  }

  async #meet(server: Server, agent: Agent): Promise<string> {
    const { text } = await this.#look();
    await this.#timeline.step("connected", () => this.#timeline.seen(() => server.find("connection")));
    await this.#timeline.step("first report", async () => {
      const report = await this.#report(server, ({ agent }) => agent !== undefined);
      ok(report.effectiveConfig === text, "its effective config is not what the file says");
      this.#uid = report.uid;
      await this.#online(agent);
    });
    return text;
  }

  async #offerGood(server: Server, agent: Agent, yaml: string): Promise<void> {
    const before = await this.#look();
    const hash = await this.#timeline.step("offer", () => this.#offer(server, yaml));
    await this.#timeline.step("APPLYING", () => this.#status(server, "APPLYING", hash));
    await this.#timeline.step("file written", async () => {
      await this.#timeline.seen(() => agent.find("written"));
      const after = await this.#look();
      ok(after.version !== before.version, "the file has not been replaced");
      ok(after.text === yaml, "the file is not the one offered");
    });
    await this.#timeline.step("APPLIED, new effective config", () => this.#applied(server, hash, yaml));
  }

  async #offerBroken(server: Server, yaml: string): Promise<void> {
    const before = await this.#look();
    await this.#timeline.step("broken offer FAILED", async () => {
      const hash = await this.#offer(server, yaml);
      const { remoteConfig } = await this.#status(server, "FAILED", hash);
      ok(remoteConfig?.error.includes("otlphttp/backup"), "the reason does not name what is wrong");
    });
    await this.#timeline.step("old config kept", async () => {
      const after = await this.#look();
      ok(after.version === before.version, "the file has been replaced");
      const reported = server.all("received").findLast(({ effectiveConfig }) => effectiveConfig !== undefined);
      ok(reported?.effectiveConfig === before.text, "the server takes another config for the effective one");
      this.#timeline.line("demo", ["finds the old file in place: same inode, same time, same text"]);
    });
  }

  #offerCorrected(server: Server, yaml: string): Promise<string> {
    return this.#timeline.step("corrected offer APPLIED", async () => {
      const hash = await this.#offer(server, yaml);
      await this.#applied(server, hash, yaml);
      return hash;
    });
  }

  #kill(server: Server, agent: Agent): Promise<void> {
    return this.#timeline.step("server killed", async () => {
      this.#timeline.line("demo", ["kills the server with SIGKILL"]);
      server.signal("SIGKILL");
      await this.#timeline.seen(() => server.end);
      await this.#timeline.seen(() => agent.find("phase", ({ phase }) => phase === "waiting"));
    });
  }

  /** The new server knows no agent, and has the configuration that it offers from the demo. */
  async #meetAgain(server: Server, agent: Agent, hash: string, isUntouched: () => Promise<void>): Promise<void> {
    await this.#timeline.step("reconnected", async () => {
      await this.#timeline.seen(() => server.find("connection"));
      await this.#online(agent);
    });
    await this.#timeline.step("not applied again", async () => {
      await this.#status(server, "APPLIED", hash);
      await isUntouched();
      this.#timeline.line("demo", [
        "finds the same file as before the restart: its time has not changed, the handler was not called",
      ]);
    });
  }

  async #exchangeCustomMessages(server: Server, agent: Agent): Promise<void> {
    await this.#timeline.step("custom message to the agent", async () => {
      server.order({ do: "ask", uid: this.#uid, type: "list" });
      await this.#timeline.seen(() => agent.find("custom", ({ type }) => type === "list"));
    });
    await this.#timeline.step("custom message to the server", async () => {
      const { custom } = await this.#report(server, (report) => report.custom?.type === "running");
      ok(custom?.text === "traces, metrics, logs", `it says "${custom?.text}"`);
    });
  }

  async #stop(server: Server, agent: Agent, isUntouched: () => Promise<void>): Promise<void> {
    await this.#timeline.step("agent_disconnect", async () => {
      this.#timeline.line("demo", ["sends SIGTERM to the agent"]);
      agent.signal("SIGTERM");
      await this.#report(server, ({ disconnects }) => disconnects);
      const { code, signal } = await this.#timeline.seen(() => agent.end);
      ok(code === 0, `the agent ended with exit code ${code}, signal ${signal}`);
      await isUntouched();
    });
    server.signal("SIGTERM");
    await this.#timeline.seen(() => server.end);
  }

  /** @returns the hash under which the server sent the offer */
  async #offer(server: Server, yaml: string): Promise<string> {
    server.order({ do: "offer", uid: this.#uid, yaml });
    const isNew = (hash: string | undefined): boolean => hash !== undefined && !this.#hashes.has(hash);
    const { offer = "" } = await this.#timeline.seen(() => server.find("sent", (sent) => isNew(sent.offer)));
    this.#hashes.add(offer);
    return offer;
  }

  async #applied(server: Server, hash: string, yaml: string): Promise<void> {
    const { effectiveConfig } = await this.#status(server, "APPLIED", hash);
    ok(effectiveConfig === yaml, "the effective config that came with it is not the one offered");
  }

  #online(agent: Agent): Promise<true> {
    return this.#timeline.seen(() => agent.all("phase").at(-1)?.phase === "online" || undefined);
  }

  #status(server: Server, word: string, hash: string): Promise<Received> {
    return this.#report(server, ({ remoteConfig }) => remoteConfig?.status === word && remoteConfig.hash === hash);
  }

  #report(server: Server, matches: (report: Received) => boolean): Promise<Received> {
    return this.#timeline.seen(() => server.find("received", matches));
  }

  /** @returns a check that nothing has been applied since now */
  async #watch(agent: Agent): Promise<() => Promise<void>> {
    const { version } = await this.#look();
    const calls = agent.all("checking").length;
    return async () => {
      ok(agent.all("checking").length === calls, "the agent has applied the configuration again");
      ok((await this.#look()).version === version, "the file has been replaced");
    };
  }

  async #look(): Promise<{ version: string; text: string }> {
    const { ino, mtimeNs } = await stat(this.#path, { bigint: true });
    return { version: `${ino} ${mtimeNs}`, text: await readFile(this.#path, "utf8") };
  }
}
