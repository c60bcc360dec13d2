import { verifies } from "../../conformance/verifies.js";
import { converge } from "./converge.js";
import { expectAgreement } from "./figures.js";
import { startInProcess } from "./forgetful-server.js";

const AGENTS = 20;
const ROUNDS = 5;
const LONGEST_MS = 240_000;

verifies(
  ["STATUS-07", "RETRY-02", "RETRY-03", "CFG-05", "CUSTOM-07"],
  "agents and a server that forgets everything agree within a second of every fault, whatever was going on",
  async () => expectAgreement(await converge(startInProcess, AGENTS, ROUNDS, 1), ROUNDS),
  LONGEST_MS,
);
