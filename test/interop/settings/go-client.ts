import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { TransportName } from "../fixture.js";
import type { GoServer } from "../go-server.js";

const program = fileURLToPath(new URL("../bin/client", import.meta.url));

/**
 * Starts an agent of the reference library, which ends with the test, and waits for its first answer.
 *
 * @param settings what its callback does: nothing, and agree; refuse; or reconnect with endpoint and headers
 */
export async function startGoClient(
  server: GoServer,
  transport: TransportName,
  settings: "accept" | "refuse" | "move",
): Promise<void> {
  const args = ["-url", server.url(transport), "-settings", settings, "-heartbeat", "20ms"];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    void ended.then(() => reject(new Error("the Go client ended")));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { event }: { event: string } = JSON.parse(line);
      if (event === "ready") resolve();
    });
  });
}
