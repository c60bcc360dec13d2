/** Ports that people mistake for OpAMP's, and what really listens there. */
const PORTS: Readonly<Record<string, string>> = {
  "4317": "4317 is the port of OTLP over gRPC",
  "4318": "4318 is the port of OTLP over HTTP",
  "4321": "4321 is the web page of the example server",
};

/** What to do where the port alone tells what is wrong. */
export function portHint({ port }: URL): string | undefined {
  const what = PORTS[port];
  return what === undefined ? undefined : `${what}: OpAMP's own port is 4320`;
}
