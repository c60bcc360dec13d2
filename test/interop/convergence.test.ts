import { verifies } from "../conformance/verifies.js";
import { converge } from "../end-to-end/convergence/converge.js";
import { expectAgreement } from "../end-to-end/convergence/figures.js";
import { CAPABILITY, FILE, type StartServer } from "../end-to-end/convergence/forgetful-server.js";
import { offer } from "./fixture.js";
import { GoServer } from "./go-server.js";

const AGENTS = 20;
const ROUNDS = 8;
const LONGEST_MS = 240_000;

/** The reference server in a process of its own, which is killed and started again. */
const startGo: StartServer = async (port) => {
  const args = ["-listen", `127.0.0.1:${port}`, "-custom", CAPABILITY, "-asks"];
  const server = await GoServer.start({ args });
  let taken = 0;
  return {
    port: server.port,
    offer: (uid, text) => server.want(offer(text, { [FILE]: text }), uid),
    take() {
      const events = server.events.slice(taken);
      taken += events.length;
      return events.flatMap((event) => (event.event === "message" ? [event.message] : []));
    },
    kill: () => server.kill(),
  };
};

verifies(
  ["STATUS-07", "RETRY-02", "RETRY-03", "CFG-05", "CUSTOM-07"],
  "agents and a reference server that is killed every four seconds agree within a second of every fault",
  async () => expectAgreement(await converge(startGo, AGENTS, ROUNDS, 1), ROUNDS),
  LONGEST_MS,
);
