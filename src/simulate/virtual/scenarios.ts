/** How a server that can take no more connections says so. */
export type Refusal =
  /** By resetting the connection, as one that is not there does. */
  | "reset"
  /** By 503 without Retry-After. */
  | "busy"
  /** By 503 with Retry-After. */
  | "busyFor"
  /** Not at all: the attempt ends by its time limit. */
  | "silence"
  /** By taking the connection and answering the first report with UNAVAILABLE, with retry_info if `askedSeconds` is set. */
  | "unavailable";

/** What happens to the servers and their agents. */
export interface Scenario {
  name: string;
  description: string;
  transport: "ws" | "http";
  refusal: Refusal;
  /** What Retry-After or retry_info says. */
  askedSeconds: number;
  /** How many servers share the agents, behind a balancer that knows which of them are up. */
  servers: number;
  /** How many of them stop, one after the other. */
  stops: number;
  /** From one stop to the next. */
  everySeconds: number;
  /** How long a server that stops is away. */
  downSeconds: number;
  /** How long all servers together need to take all agents: agents divided by capacity. 0: no limit. */
  idealSeconds: number;
  /** How a connection ends: without a word, by a Close of the server, or unnoticed as when a network fails. */
  ending: "break" | "close" | "unnoticed";
}

const USUAL: Omit<Scenario, "name" | "description"> = {
  transport: "ws",
  refusal: "reset",
  askedSeconds: 0,
  servers: 1,
  stops: 1,
  everySeconds: 60,
  downSeconds: 0,
  idealSeconds: 60,
  ending: "break",
};

function row(name: string, description: string, changes: Partial<Scenario>): Scenario {
  return { ...USUAL, name, description, ...changes };
}

/** Every scenario, with the parameters that it has unless others are given. */
export const scenarios: readonly Scenario[] = [
  row("one-agent", "agents that have a server to themselves, which restarts at once", { idealSeconds: 0 }),
  row("server-restart", "the server restarts, is back at once and needs 60 s for all agents", {}),
  row("server-restart-5", "the server is down for 5 s and needs 60 s for all agents", { downSeconds: 5 }),
  row("server-restart-30", "the server is down for 30 s and needs 60 s for all agents", { downSeconds: 30 }),
  row("server-restart-600", "the server is down for 10 minutes and needs 60 s for all agents", { downSeconds: 600 }),
  row("server-close", "the server says Close to every agent and needs 60 s for all of them", { ending: "close" }),
  row("capacity-20", "the server needs 20 s for all agents and resets what is too much", { idealSeconds: 20 }),
  row("capacity-60", "the server needs 60 s for all agents and resets what is too much", { idealSeconds: 60 }),
  row("capacity-120", "the server needs 120 s for all agents and resets what is too much", { idealSeconds: 120 }),
  row("capacity-600", "the server needs 600 s for all agents and resets what is too much", { idealSeconds: 600 }),
  row("busy", "the server needs 60 s and refuses by 503 without Retry-After", { refusal: "busy", askedSeconds: 30 }),
  row("busy-600", "the server needs 600 s and refuses by 503 without Retry-After", {
    refusal: "busy",
    askedSeconds: 30,
    idealSeconds: 600,
  }),
  row("retry-after", "the server needs 60 s and refuses by 503 with Retry-After: 30", {
    refusal: "busyFor",
    askedSeconds: 30,
  }),
  row("retry-after-600", "the server needs 600 s and refuses by 503 with Retry-After: 30", {
    refusal: "busyFor",
    askedSeconds: 30,
    idealSeconds: 600,
  }),
  row("silence", "the server needs 60 s and leaves what is too much without an answer", { refusal: "silence" }),
  row("unavailable", "the server needs 60 s and answers UNAVAILABLE with 30 s to agents it cannot serve yet", {
    refusal: "unavailable",
    askedSeconds: 30,
  }),
  row("zone-lost", "the network of a quarter of the agents fails for 2 minutes", {
    servers: 4,
    downSeconds: 120,
    ending: "unnoticed",
  }),
  row("rolling-restart", "four servers behind a balancer restart a minute apart, each down for 10 s", {
    servers: 4,
    stops: 4,
    downSeconds: 10,
  }),
  row("polling", "the server of agents that poll over HTTP restarts and needs 60 s for all", { transport: "http" }),
  row("polling-busy", "the same, which refuses by 503 with Retry-After: 30", {
    transport: "http",
    refusal: "busyFor",
    askedSeconds: 30,
  }),
];
