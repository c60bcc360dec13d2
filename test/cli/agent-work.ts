import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";
import type { OpAMPServer } from "../../src/testing/index.js";
import { folderForTest } from "../agent/config-directory/folder.js";
import { startServer } from "../server/server-fixture.js";
import { AgentProcess } from "./agent-process.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const CONFIG = "opamp.yaml";

export type Transport = "ws" | "http";

/** A folder for one agent: its configuration, its state, and the directory `config` of its program. */
export class Work {
  readonly folder = folderForTest();
  /** Where offered files go. */
  readonly directory = join(this.folder, "config");
  readonly #program: string;
  readonly #endpoint: object;

  constructor(program: string, server: Pick<OpAMPServer, "url" | "httpUrl">, transport: Transport) {
    this.#program = program;
    this.#endpoint =
      transport === "ws"
        ? { ws: { endpoint: server.url } }
        : { http: { endpoint: server.httpUrl, polling_interval: "40ms" } };
    mkdirSync(this.directory);
  }

  /** The path of something in the folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  /** Writes the configuration: `remote_config` is completed with the directory, the rest is taken as it is. */
  configure({ remote_config: remote, ...config }: Record<string, unknown> = {}, name = CONFIG): void {
    const remoteConfig = remote !== undefined && { remote_config: { directory: this.directory, ...Object(remote) } };
    const storage = { directory: this.path("state") };
    this.write(name, JSON.stringify({ server: this.#endpoint, storage, ...remoteConfig, ...config }, undefined, 2));
  }

  start({ args = [], config = CONFIG, preload, env = {}, within }: StartOptions = {}): AgentProcess {
    const preloaded = preload === undefined ? [] : ["--import", preload];
    return new AgentProcess([...preloaded, this.#program, "agent", "--config", this.path(config), ...args], {
      cwd: this.folder,
      env: { ...process.env, ...env },
      within,
    });
  }
}

export interface StartOptions {
  /** Further arguments of the command. */
  args?: string[];
  /** The name of its configuration. */
  config?: string;
  /** A module to load before the command. */
  preload?: string;
  env?: NodeJS.ProcessEnv;
  /** A command that runs it in some surroundings. */
  within?: readonly string[];
}

/** The command, built once for the tests of a file. */
export interface BuiltCommand {
  /** Its path. */
  readonly program: string;
  /** A module to load before it, which kills it when it changes the file system: see there. */
  readonly killAt: string;
  /** A server, and a folder for an agent of it. */
  begin(transport?: Transport): Promise<{ server: OpAMPServer; work: Work }>;
  work(server: Pick<OpAMPServer, "url" | "httpUrl">, transport?: Transport): Work;
}

export function builtCommand(): BuiltCommand {
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "opamp-command-"));
    // As in an installed package: the version is read from package.json by the package's name.
    cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    await build({
      entryPoints: {
        main: join(ROOT, "src/cli/main.ts"),
        "kill-at": join(ROOT, "test/agent/config-directory/crash/kill-at.ts"),
      },
      // With what it depends on, so that a process starts in two thirds of the time; but what is imported later, and is
      // CommonJS, would lose its names.
      bundle: true,
      external: ["undici"],
      splitting: true,
      // For what of that is CommonJS.
      banner: {
        js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
      },
      platform: "node",
      target: "node20",
      format: "esm",
      outdir: join(folder, "dist"),
      logLevel: "error",
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const work: BuiltCommand["work"] = (server, transport = "ws") =>
    new Work(join(folder, "dist/main.js"), server, transport);
  return {
    get program() {
      return join(folder, "dist/main.js");
    },
    get killAt() {
      return join(folder, "dist/kill-at.js");
    },
    work,
    async begin(transport) {
      const server = await startServer();
      return { server, work: work(server, transport) };
    },
  };
}
