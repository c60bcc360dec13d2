import type { AgentExchange, OutlineOfServer } from "./agents/agent-exchange.js";
import { agentState } from "./agents/agent-outline.js";
import type { LinkCounts } from "./link/link.js";
import { missLines } from "./link/missed-dials.js";
import type { TlsFailure } from "./link/server-tls.js";
import type { Attempt } from "./listen/attempts.js";
import type { MalformedInput } from "./message-log.js";
import { quoted } from "./quoted.js";

interface ServerView {
  readonly port: number;
  readonly attempts: readonly Attempt[];
  readonly sockets: LinkCounts;
  readonly connections: LinkCounts;
  readonly requests: LinkCounts;
  readonly tlsFailures: readonly TlsFailure[];
  readonly malformed: readonly MalformedInput[];
}

const MOST_ATTEMPTS = 10;
const MOST_AGENTS = 5;
const MOST_FAILURES = 3;

/** Says what a server has seen, for a wait that ends without what it waited for. */
export function serverOutline(
  server: ServerView,
  exchanges: readonly AgentExchange[],
  faults: readonly string[],
  orders: readonly string[],
): OutlineOfServer {
  const seen = exchanges.filter(({ lastMessage }) => lastMessage !== undefined);
  const agents = seen.slice(0, MOST_AGENTS).map(agentState);
  const more = seen.length > agents.length ? [`and ${seen.length - agents.length} more`] : [];
  return {
    attempts: [`server on port ${server.port}: ${attemptsLine(server)}`],
    agents: [...agents, ...more],
    trouble: [
      ...countedLines(server.tlsFailures, "TLS handshake"),
      ...countedLines(server.malformed, "malformed input"),
      ...missLines(server),
      ...faults,
      ...orders.map((line) => `still to come: ${line}`),
    ],
  };
}

function attemptsLine({ attempts, sockets, connections, requests }: ServerView): string {
  const links = connections.total + requests.total;
  if (attempts.length === 0 && links > 0)
    return `over memoryTransport: ${counted(connections.total, "connection")}, ${counted(requests.total, "request")}`;
  if (attempts.length === 0) {
    return `no attempt came in${sockets.total === 0 ? "" : `, over ${counted(sockets.total, "TCP connection")}`}`;
  }
  const last = attempts.slice(-MOST_ATTEMPTS).map(({ status, path }) => {
    return status === 404 ? `404 for ${quoted(path)}` : (status ?? "no answer");
  });
  const which = attempts.length > last.length ? `, the last ${last.length}` : "";
  return `${counted(attempts.length, "attempt")}${which}: ${last.join(", ")}`;
}

/** One line for the number of failures, with the words of the newest. */
function countedLines(failures: readonly { readonly error: Error }[], what: string): readonly string[] {
  return failures.slice(-MOST_FAILURES).map(({ error }, index, shown) => {
    const at = failures.length - shown.length + index + 1;
    return `${what} ${at}: ${quoted(error.message)}`;
  });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
