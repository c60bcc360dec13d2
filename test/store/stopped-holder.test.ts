import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { builtProgram } from "./built-program.js";
import { storeIn, temporaryFolder } from "./store-fixture.js";

test("another process keeps the directory even while it is stopped and cannot answer", async () => {
  const program = await builtProgram("lock-program");
  const directory = await temporaryFolder();
  const child = spawn(process.execPath, [program, directory], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  child.kill("SIGSTOP");
  await expect(storeIn(directory, { lockWaitMs: 0 }).load()).rejects.toMatchObject({
    code: "ERR_OPAMP_STORE",
    message: `${directory} is in use by another agent`,
  });
});
