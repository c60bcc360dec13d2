import type { AgentToServer } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { OpAMPServer } from "../../../src/testing/index.js";

/** The custom capability that the server announces. */
export const CAPABILITY = "com.example.convergence";
/** The file that is offered. */
export const FILE = "agent.yaml";

/** A server that knows no more than what it has heard since it started last, and may end at any time. */
export interface ForgetfulServer {
  readonly port: number;
  /** Has an agent offered a configuration, with its text as the hash, until the agent reports it. */
  offer(uid: string, text: string): Promise<void>;
  /** What has arrived since the call before, in order. */
  take(): readonly AgentToServer[];
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

/** Starts one on a port; 0 is any that is free. */
export type StartServer = (port: number) => Promise<ForgetfulServer>;

/** One in this process. */
export const startInProcess: StartServer = async (port) => {
  let arrived: AgentToServer[] = [];
  const server = await OpAMPServer.start({
    port,
    customCapabilities: [CAPABILITY],
    keepMessages: 1,
    onMessage(_, message) {
      arrived.push(message);
      return undefined;
    },
  });
  return {
    port: server.port,
    async offer(uid, text) {
      server.agent(uid).offerConfig({ [FILE]: text }, { hash: Buffer.from(text) });
    },
    take() {
      const taken = arrived;
      arrived = [];
      return taken;
    },
    kill: () => server.close(),
  };
};
