import type { Input } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { type AgentNames, type DescribeAgent, type Description, toAgentDescription } from "../../values/description.js";

/** Keeps the description true: one that a function makes is made anew when the agent goes by another uid. */
export class SelfDescription {
  readonly #agent: AgentNames;
  readonly #feed: (input: Input) => void;
  readonly #failed: (error: OpAMPError) => void;
  #describe: DescribeAgent | undefined;

  constructor(agent: AgentNames, feed: (input: Input) => void, failed: (error: OpAMPError) => void) {
    this.#agent = agent;
    this.#feed = feed;
    this.#failed = failed;
  }

  /** @throws OpAMPError `ERR_OPAMP_OPTION`, and what a function throws */
  set(description: Description | DescribeAgent): void {
    const isMade = typeof description === "function";
    const made = isMade ? description({ instanceUid: this.#agent.instanceUid }) : description;
    const agentDescription = toAgentDescription(made);
    this.#describe = isMade ? description : undefined;
    this.#feed({ type: "set", parts: { agentDescription } });
  }

  /** The uid may be another one. A function that fails leaves the description as it was. */
  renamed(): void {
    if (this.#describe === undefined) return;
    try {
      this.set(this.#describe);
    } catch (cause) {
      this.#failed(new OpAMPError("ERR_OPAMP_HANDLER", `description failed: ${messageOf(cause)}`, { cause }));
    }
  }
}
