import { ok } from "node:assert";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OpAMPClient } from "opamp-client";
import {
  type OfferedOpAMP,
  type OpAMPServerOptions,
  type ReportedSettings,
  type ServerAgent,
  type TestCertificate,
  type TestCertificates,
  type TransportName,
  testCertificates,
} from "opamp-client/testing";
import { hex } from "../messages.js";
import type { Timeline } from "../timeline.js";
import { FIRST_TOKEN, startAgent } from "./agent.js";
import { startServer, type WatchedServer } from "./server.js";
import type { SettingsStep } from "./steps.js";

const URLS = { ws: "url", http: "httpUrl" } as const satisfies Record<TransportName, string>;

/** Leads an agent from its first server to a second one, by what the servers offer. */
export class SettingsWalk {
  readonly #timeline: Timeline<SettingsStep>;
  readonly #directory: string;
  readonly #transport: TransportName;

  /** @param directory where the agent keeps its state */
  constructor(timeline: Timeline<SettingsStep>, directory: string, transport: TransportName) {
    this.#timeline = timeline;
    this.#directory = directory;
    this.#transport = transport;
  }

  /** Rejects at the first step that fails. */
  async run(): Promise<void> {
    const certificates = await testCertificates();
    const { cert, key } = certificates.server;
    const secondOptions: OpAMPServerOptions = {
      tls: { cert, key },
      auth: { bearer: "second-home" },
      signingRequests: { issue: "by hand" },
    };
    const [first, second] = await this.#timeline.step("servers started", async () => [
      await startServer("first", { auth: { bearer: FIRST_TOKEN } }, this.#timeline),
      await startServer("second", secondOptions, this.#timeline),
    ]);
    let agent = this.#startAgent(first);
    try {
      await this.#timeline.step("connected", () => this.#online(agent));
      await this.#rotate(first, agent);
      await this.#move(first, second, agent, certificates);
      await this.#offerBroken(second, agent);
      await this.#certify(second, agent, { cert, key });
      agent = await this.#restart(first, second, agent);
      await this.#timeline.step("disconnected", async () => {
        await agent.stop();
        await this.#timeline.seen(() => second.server.agent(agent.instanceUid).disconnected || undefined);
      });
    } finally {
      await agent.stop();
      await Promise.all([first.server.close(), second.server.close()]);
    }
  }

  async #rotate(first: WatchedServer, agent: OpAMPClient): Promise<void> {
    await this.#timeline.step("token rotated", async () => {
      first.server.setAuth({ bearer: [FIRST_TOKEN, "rotated"] });
      const hash = this.#offer(first, agent, { headers: bearer("rotated") });
      await this.#status(first, agent, hash, "applied");
      ok(first.tokens.at(-1) === "rotated", `the server was shown the token "${first.tokens.at(-1)}"`);
    });
    await this.#timeline.step("old token revoked", async () => {
      this.#timeline.line("demo", [`revokes the token "${FIRST_TOKEN}"`]);
      first.server.setAuth({ bearer: "rotated" });
      first.server.revoke();
      agent.setHealth({ healthy: true });
      await this.#timeline.seen(() => this.#seenBy(first, agent).health?.healthy);
      ok(!first.tokens.slice(first.tokens.indexOf("rotated")).includes(FIRST_TOKEN), "the old token was shown again");
    });
  }

  #move(first: WatchedServer, second: WatchedServer, agent: OpAMPClient, { ca }: TestCertificates): Promise<void> {
    return this.#timeline.step("moved to the second server", async () => {
      const endpoint = second.server[URLS[this.#transport]];
      const hash = this.#offer(first, agent, { endpoint, headers: bearer("second-home"), tls: { ca } });
      await this.#status(second, agent, hash, "applied");
      ok(this.#seenBy(first, agent).disconnected, "the first server was not told that the agent leaves");
      ok(
        second.tokens.every((token) => token === "second-home"),
        "the second server was shown another token",
      );
    });
  }

  #offerBroken(second: WatchedServer, agent: OpAMPClient): Promise<void> {
    return this.#timeline.step("broken offer rolled back", async () => {
      const hash = this.#offer(second, agent, { headers: bearer("mistyped") });
      const { error } = await this.#status(second, agent, hash, "failed");
      ok(error.includes("401"), `the reason does not say what happened: ${error}`);
      ok(second.tokens.at(-1) === "second-home", "the agent did not go back to the token before");
    });
  }

  async #certify(second: WatchedServer, agent: OpAMPClient, own: TestCertificate): Promise<void> {
    const { server } = second;
    const seen = this.#seenBy(second, agent);
    const request = await this.#timeline.step("certificate asked for", () =>
      this.#timeline.seen(() => seen.signingRequest),
    );
    await this.#timeline.step("certificate used", async () => {
      ok(request.problem === undefined, `the request is not good: ${request.problem}`);
      this.#timeline.line("second", [`issues a certificate for ${request.subject}, whose key never left the agent`]);
      server.setTls({ ...own, ca: server.ca, requestClientCert: true });
      const hash = hex(await seen.issueCertificate());
      await this.#status(second, agent, hash, "applied");
      const shown = seen.link?.tls?.clientCertificate;
      ok(shown?.trusted === true && shown.subject === request.subject, `the agent has shown ${shown?.subject}`);
      this.#timeline.line("second", [
        "is shown that certificate, and from now on lets in nobody without one of its own",
      ]);
      server.setTls({ ...own, ca: server.ca, requestClientCert: "require" });
    });
  }

  async #restart(first: WatchedServer, second: WatchedServer, before: OpAMPClient): Promise<OpAMPClient> {
    return this.#timeline.step("restarted on the second server", async () => {
      await before.stop();
      await this.#checkFiles();
      const attempts = first.tokens.length;
      this.#timeline.line("demo", ["starts the agent again, with the options and the state directory of before"]);
      const agent = this.#startAgent(first);
      await this.#online(agent);
      await this.#timeline.seen(() => !this.#seenBy(second, agent).disconnected || undefined);
      ok(first.tokens.length === attempts, "the agent asked its first server again");
      return agent;
    });
  }

  #startAgent({ server }: WatchedServer): OpAMPClient {
    return startAgent(server[URLS[this.#transport]], this.#directory, this.#timeline);
  }

  #online(agent: OpAMPClient): Promise<true> {
    return this.#timeline.seen(() => agent.phase === "online" || undefined);
  }

  /** @returns the hash of the offer */
  #offer(from: WatchedServer, to: OpAMPClient, opamp: OfferedOpAMP): string {
    const hash = hex(this.#seenBy(from, to).offerSettings({ opamp }));
    this.#timeline.line(from.name, [`offers settings ${hash.slice(0, 8)}: ${Object.keys(opamp).join(", ")}`]);
    return hash;
  }

  #status(
    at: WatchedServer,
    agent: OpAMPClient,
    hash: string,
    word: ReportedSettings["status"],
  ): Promise<ReportedSettings> {
    return this.#timeline.seen(() => {
      const { connectionSettings: said } = this.#seenBy(at, agent);
      return said?.status === word && hex(said.hash) === hash ? said : undefined;
    });
  }

  #seenBy({ server }: WatchedServer, agent: OpAMPClient): ServerAgent {
    return server.agent(agent.instanceUid);
  }

  /** The credential in force lies in a file that nobody else may read; of those before nothing is left. */
  async #checkFiles(): Promise<void> {
    const files = await filesIn(this.#directory);
    const holding = files.filter(({ text }) => text.includes("second-home"));
    ok(holding.length === 1 && holding.every(({ name, mode }) => name !== "state.json" && mode === "600"));
    ok(!files.some(({ text }) => /rotated|mistyped/.test(text)), "a token that is not in force was kept");
    const keys = files.filter(({ text }) => text.includes("PRIVATE KEY"));
    ok(keys.length === 1 && keys[0] === holding[0], "the private key is not where the token is, and nowhere else");
    this.#timeline.line("demo", [
      "finds token and private key in one file, and the tokens before in none:",
      ...files.map(({ name, mode, text }) => `${name}, mode ${mode}, ${Buffer.byteLength(text)} bytes`),
    ]);
  }
}

async function filesIn(directory: string): Promise<{ name: string; mode: string; text: string }[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(
    files.map(async ({ name }) => {
      const path = join(directory, name);
      const [text, { mode }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
      return { name, mode: (mode & 0o777).toString(8), text };
    }),
  );
}

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}
