import { expect, test } from "vitest";
import { OpAMPError } from "../../../../src/errors.js";
import { checkCapacity, readCapacity } from "../../../../src/simulate/sockets/capacity.js";

const capacity = { openFiles: 20, maxOpenFiles: 1_024, ports: 28_232 };

function refusal(
  agents: number,
  addresses: number,
  given: Parameters<typeof checkCapacity>[2],
): OpAMPError | undefined {
  try {
    checkCapacity(agents, addresses, given);
    return undefined;
  } catch (error) {
    if (error instanceof OpAMPError) return error;
    throw error;
  }
}

test("agents for whom there are file descriptors and ports are let through", () => {
  expect(refusal(900, 1, capacity)).toBeUndefined();
  expect(refusal(1_000_000, 1, { openFiles: 0 })).toBeUndefined();
});

test("too many for the limit on open files are refused by its name, with what to set it to", () => {
  const error = refusal(5_000, 1, capacity);
  expect(error).toMatchObject({ code: "ERR_OPAMP_OPTION" });
  expect(error?.message).toMatch(/^--agents: 5,000 agents need 5,084 open files, .* 1,024 \(ulimit -n\)$/);
  expect(error?.hint).toContain("`ulimit -n 5084`");
});

test("too many for the local ports are refused by the name of the range, unless the server has more addresses", () => {
  const many = { ...capacity, maxOpenFiles: 1_000_000 };
  expect(refusal(30_000, 1, many)?.message).toMatch(/28,232 for one server \(net\.ipv4\.ip_local_port_range\)/);
  expect(refusal(30_000, 2, many)).toBeUndefined();
  expect(refusal(30_000, 0, many)).toBeDefined();
});

test("the limits of this process can be read", () => {
  const { openFiles, maxOpenFiles } = readCapacity();
  expect(openFiles).toBeGreaterThan(0);
  if (process.platform !== "win32") expect(maxOpenFiles ?? Number.POSITIVE_INFINITY).toBeGreaterThan(openFiles);
});
