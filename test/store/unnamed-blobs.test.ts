import fs from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StoredState } from "../../src/index.js";
import { filesIn, found, storeIn, temporaryFolder, uid } from "./store-fixture.js";

const [NAMED, LOST] = ["a".repeat(32), "b".repeat(32)];
const bytes = new TextEncoder().encode("hunter2");

const state: StoredState = {
  instanceUid: uid(1),
  connection: {
    fingerprint: "f",
    accepted: { blob: `connection-${NAMED}`, at: 1 },
    trial: { phase: "none", from: "", to: "", hash: "", crashes: 0 },
    switchedAt: [],
  },
  otherConnections: { epoch: "", parts: [{ part: "other", name: "x", blob: `other-${NAMED}`, at: 1 }] },
};

/** A directory with these blobs, and with a state if one is given, after the process that wrote them was killed. */
async function left(names: readonly string[], given?: StoredState): Promise<string> {
  const directory = await temporaryFolder();
  const { store, load } = storeIn(directory);
  await load();
  for (const name of names) await store.blobs.write(name, bytes);
  if (given !== undefined) await store.save(given);
  await store.close();
  return directory;
}

test("a load removes settings that no state names, and nothing else", async () => {
  const kept = [`connection-${NAMED}`, `other-${NAMED}`, "client-key", `own-${LOST}`, "connection-x"];
  const lost = [`connection-${LOST}`, `connection-offer-${LOST}`, `other-${LOST}`];
  const directory = await left([...kept, ...lost], state);
  const { reports } = await found(directory);
  expect(await filesIn(directory)).toEqual([...kept.map((name) => `blob-${name}`), "state.json"].sort());
  expect(reports).toEqual([]);
});

test("a load removes settings where there is no state yet", async () => {
  const directory = await left([`connection-${LOST}`, `connection-offer-${LOST}`]);
  await found(directory);
  expect(await filesIn(directory)).toEqual([]);
});

test("a load leaves settings that a state names which was set aside", async () => {
  const directory = await left([`connection-${NAMED}`], state);
  await fs.rename(join(directory, "state.json"), join(directory, "state.json.corrupt"));
  await found(directory);
  expect(await filesIn(directory)).toEqual([`blob-connection-${NAMED}`, "state.json.corrupt"]);
});

test("a load leaves a file that has the name of settings and is not ours", async () => {
  const directory = await left([], state);
  await fs.writeFile(join(directory, `blob-other-${LOST}`), "somebody's");
  await found(directory);
  expect(await filesIn(directory)).toEqual([`blob-other-${LOST}`, "state.json"]);
});

test("a save leaves settings whose state is yet to come", async () => {
  const directory = await temporaryFolder();
  const { store, load } = storeIn(directory);
  await load();
  await store.blobs.write(`connection-${LOST}`, bytes);
  await store.save({ instanceUid: uid(1), lastGoodConfig: { hash: uid(2), files: {} } });
  expect(await store.blobs.read(`connection-${LOST}`)).toEqual(bytes);
});
