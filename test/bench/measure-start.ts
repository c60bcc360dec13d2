import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { OpAMPServer } from "opamp-client/testing";
import { atMost, type Comparison, compare } from "./comparison.js";
import { readCpuProfile, type Spread, spreadOf } from "./cpu-profile.js";
import { cacheFolder } from "./prepare.js";
import { Program } from "./program.js";
import { type Bench, progress, type Section } from "./section.js";
import { type Scheme, type SubjectName, startCrowd } from "./subjects.js";
import { formatSpread } from "./table.js";

const OURS = "opamp-client";
const ELASTIC = "@elastic/opamp-client-node";
const LOADERS = [
  { measure: "import", target: atMost(0.75) },
  { measure: "require", target: atMost(0.7) },
] as const;

type Loader = (typeof LOADERS)[number]["measure"];

/** How soon a process that uses a client is at work. */
export async function measureStart(bench: Bench): Promise<Section> {
  const rounds = bench.quick ? 5 : 12;
  progress("import and require time");
  const comparisons: Comparison[] = [];
  for (const loader of LOADERS) {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      ours.push(await loadMs(OURS, loader.measure));
      theirs.push(await loadMs(ELASTIC, loader.measure));
    }
    comparisons.push(compare({ ...loader, unit: "ms", against: "Elastic" }, ours, theirs));
  }
  comparisons.push(...(await compareFirstReports(bench, rounds)));
  return { comparisons, explain: explainImport };
}

async function loadMs(specifier: string, loader: Loader, flags: readonly string[] = []): Promise<number> {
  const program = new Program(process.execPath, [...flags, join(cacheFolder, "load-time.js"), loader, specifier]);
  const { ms } = await program.next("loaded");
  await program.stop();
  return ms;
}

/** From the start of the process to the moment when a server has its first report. */
async function compareFirstReports(bench: Bench, rounds: number): Promise<Comparison[]> {
  progress("process start to first report");
  let heard = (): void => undefined;
  const server = await OpAMPServer.start({
    keepMessages: 1,
    onMessage() {
      heard();
      return undefined;
    },
  });
  const first = async (subject: SubjectName, scheme: Scheme): Promise<number> => {
    const reported = new Promise<number>((resolve) => {
      heard = () => resolve(performance.now());
    });
    const start = performance.now();
    const crowd = startCrowd(bench, subject, scheme === "ws" ? server.url : server.httpUrl);
    const ms = (await Promise.race([reported, crowd.failed()])) - start;
    await crowd.kill();
    return ms;
  };
  const times: Record<"ws" | "bare ws" | "http" | "bare undici" | "Elastic", number[]> = {
    ws: [],
    "bare ws": [],
    http: [],
    "bare undici": [],
    Elastic: [],
  };
  for (let round = 0; round < rounds; round++) {
    times.ws.push(await first("ours", "ws"));
    times["bare ws"].push(await first("bare ws", "ws"));
    times.http.push(await first("ours", "http"));
    times["bare undici"].push(await first("bare undici", "http"));
    times.Elastic.push(await first("Elastic", "http"));
  }
  await server.close();
  const row = (scheme: Scheme, against: keyof typeof times): Comparison =>
    compare(
      { measure: `process start to first report, ${scheme}`, unit: "ms", against },
      times[scheme],
      times[against],
    );
  return [row("ws", "bare ws"), row("ws", "Elastic"), row("http", "bare undici"), row("http", "Elastic")];
}

async function explainImport(): Promise<string> {
  progress("profiling imports");
  return formatSpread("CPU time of the import by place, ms", {
    ours: await profile(OURS),
    Elastic: await profile(ELASTIC),
  });
}

/** Milliseconds by place, of the whole process. */
async function profile(specifier: string): Promise<Spread> {
  const folder = join(cacheFolder, `import-${specifier.replace(/\W+/g, "-")}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  await loadMs(specifier, "import", ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=100"]);
  const [file = ""] = readdirSync(folder);
  return spreadOf(readCpuProfile(join(folder, file)), 1_000);
}
