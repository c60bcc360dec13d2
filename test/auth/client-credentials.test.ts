import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ClientCredentialsOptions, clientCredentials } from "../../src/auth/client-credentials.js";
import { verifies } from "../conformance/verifies.js";

interface Asked {
  authorization: string | undefined;
  form: URLSearchParams;
}

type Answer = (asked: Asked, response: ServerResponse) => void;

/** A token endpoint on loopback that ends with the test. */
async function tokenEndpoint(answer: Answer = (_asked, response) => grant(response)) {
  const asked: Asked[] = [];
  let tokens = 0;
  const server = createServer((request: IncomingMessage, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const one = { authorization: request.headers.authorization, form: new URLSearchParams(body) };
      asked.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { asked, tokenUrl, next: () => `token-${++tokens}` };
}

let granted = 0;
function grant(response: ServerResponse, expiresIn = 3600): void {
  granted += 1;
  json(response, 200, { access_token: `token-${granted}`, token_type: "bearer", expires_in: expiresIn });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function helper(tokenUrl: string, more: Partial<ClientCredentialsOptions> = {}) {
  const ask = clientCredentials({ tokenUrl, clientId: "agent", clientSecret: "s3cret", proxy: false, ...more });
  return async (refresh = false) => (await ask({ refresh }))["authorization"];
}

verifies("AUTH-01", "a token is requested with the client's credentials and used as a bearer token", async () => {
  const { asked, tokenUrl } = await tokenEndpoint((_asked, response) =>
    json(response, 200, { access_token: "t1", token_type: "Bearer", expires_in: 60 }),
  );
  const headers = helper(tokenUrl, { scopes: ["a", "b"], parameters: { audience: "opamp" } });
  expect(await headers()).toBe("Bearer t1");
  expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from("agent:s3cret").toString("base64")}`);
  expect(Object.fromEntries(asked[0]?.form ?? [])).toMatchObject({
    grant_type: "client_credentials",
    scope: "a b",
    audience: "opamp",
  });
});

test("a timeout may be fractional or infinite", async () => {
  const { tokenUrl } = await tokenEndpoint();
  for (const timeoutMs of [5_000.5, Number.POSITIVE_INFINITY]) {
    expect(await helper(tokenUrl, { timeoutMs })()).toMatch(/^Bearer token-/);
  }
});

test("the credentials go into the body where the endpoint wants them there", async () => {
  const { asked, tokenUrl } = await tokenEndpoint();
  await helper(tokenUrl, { credentialsIn: "body", clientSecret: async () => "from-file\n" })();
  expect(asked[0]?.authorization).toBeUndefined();
  expect(asked[0]?.form.get("client_id")).toBe("agent");
  expect(asked[0]?.form.get("client_secret")).toBe("from-file");
});

test("an endpoint that takes the credentials in the body only gets them there at once from then on", async () => {
  const { asked, tokenUrl } = await tokenEndpoint(({ form }, response) =>
    form.has("client_secret") ? grant(response) : json(response, 401, { error: "invalid_client" }),
  );
  const headers = helper(tokenUrl, { credentialsIn: "auto" });
  await headers();
  await headers(true);
  expect(asked.map(({ form }) => form.has("client_secret"))).toEqual([false, true, true]);
});

test("an endpoint that took the client in the header once is not shown it in the body", async () => {
  let isRevoked = false;
  const { asked, tokenUrl } = await tokenEndpoint((_asked, response) =>
    isRevoked ? json(response, 401, { error: "invalid_client" }) : grant(response),
  );
  const headers = helper(tokenUrl, { credentialsIn: "auto" });
  await headers();
  isRevoked = true;
  await expect(headers(true)).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH", httpStatus: 401 });
  expect(asked.map(({ form }) => form.has("client_secret"))).toEqual([false, false]);
});

test("a client that is refused in both places fails once, and the header is tried first again", async () => {
  const { asked, tokenUrl } = await tokenEndpoint((_asked, response) =>
    json(response, 401, { error: "invalid_client" }),
  );
  const headers = helper(tokenUrl, { credentialsIn: "auto" });
  await expect(headers()).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH", httpStatus: 401 });
  await expect(headers()).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH" });
  expect(asked.map(({ form }) => form.has("client_secret"))).toEqual([false, true, false, true]);
});

test("the client's id may come from a function, and a parameter may have several values", async () => {
  const { asked, tokenUrl } = await tokenEndpoint();
  const ids = ["one\n", "two\n"];
  const headers = helper(tokenUrl, { clientId: () => ids.shift() ?? "", parameters: { resource: ["a", "b"], x: "y" } });
  await headers();
  await headers(true);
  expect(asked.map(({ authorization }) => authorization)).toEqual(
    ["one:s3cret", "two:s3cret"].map((pair) => `Basic ${Buffer.from(pair).toString("base64")}`),
  );
  expect(asked[0]?.form.getAll("resource")).toEqual(["a", "b"]);
  expect(asked[0]?.form.get("x")).toBe("y");
});

test("a token is kept until shortly before it expires, and then fetched again", async () => {
  let now = 0;
  const { asked, tokenUrl } = await tokenEndpoint((_asked, response) => grant(response, 100));
  const headers = helper(tokenUrl, { now: () => now, marginMs: 30_000 });
  const first = await headers();
  now = 69_999;
  expect(await headers()).toBe(first);
  now = 70_000;
  expect(await headers()).not.toBe(first);
  expect(asked).toHaveLength(2);
});

test("a token that expires within the margin is used for half its lifetime", async () => {
  let now = 0;
  const { asked, tokenUrl } = await tokenEndpoint((_asked, response) => grant(response, 10));
  const headers = helper(tokenUrl, { now: () => now });
  await headers();
  now = 4_999;
  await headers();
  expect(asked).toHaveLength(1);
  now = 5_000;
  await headers();
  expect(asked).toHaveLength(2);
});

verifies("AUTH-02", "a refused token is replaced although it has not expired", async () => {
  const { asked, tokenUrl } = await tokenEndpoint();
  const headers = helper(tokenUrl);
  const first = await headers();
  expect(await headers(true)).not.toBe(first);
  expect(asked).toHaveLength(2);
});

test("concurrent calls share one request, and a failure is not cached", async () => {
  let fails = true;
  const { asked, tokenUrl } = await tokenEndpoint((_asked, response) =>
    fails ? json(response, 500, {}) : grant(response),
  );
  const headers = helper(tokenUrl);
  const both = await Promise.allSettled([headers(), headers()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(asked).toHaveLength(1);
  fails = false;
  expect(await headers()).toMatch(/^Bearer token-/);
});

describe("a failure says what the endpoint said and what to do, never the secret", () => {
  const refusals: readonly [string, Answer, RegExp][] = [
    [
      "a refusal with a reason",
      (_asked, response) => json(response, 400, { error: "invalid_scope", error_description: "no such scope" }),
      /refuses \(400\): invalid_scope: no such scope/,
    ],
    [
      "an unknown client",
      (_asked, response) => {
        response.setHeader("www-authenticate", 'Basic realm="x"');
        json(response, 401, { error: "invalid_client" });
      },
      /refuses (the client )?\(401\)/,
    ],
    [
      "a log-in page",
      (_asked, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
      /gave no token/,
    ],
    ["an answer without a token", (_asked, response) => json(response, 200, { token_type: "bearer" }), /gave no token/],
    [
      "a token of a kind that cannot be used",
      (_asked, response) => json(response, 200, { access_token: "s3cret", token_type: "mac" }),
      /gave no token \(200\): unsupported/,
    ],
    [
      "a token with an invalid lifetime",
      (_asked, response) => json(response, 200, { access_token: "s3cret", token_type: "bearer", expires_in: "soon" }),
      /gave no token \(200\): .*expires_in/,
    ],
    ["an unknown path", (_asked, response) => json(response, 404, {}), /gave no token \(404\)/],
    [
      "a reason that repeats the secret",
      (_asked, response) => json(response, 400, { error: "invalid_client", error_description: "s3cret is wrong" }),
      /invalid_client: \[REDACTED\] is wrong/,
    ],
    ["a connection that breaks", (_asked, response) => void response.destroy(), /cannot be reached/],
    ["no answer", () => undefined, /did not answer within 50 ms/],
  ];
  for (const [what, answer, text] of refusals) {
    test(what, async () => {
      const { tokenUrl } = await tokenEndpoint(answer);
      const timeoutMs = what === "no answer" ? 50 : 5_000;
      const error: unknown = await helper(tokenUrl, { timeoutMs })().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "ERR_OPAMP_AUTH", retryable: true, message: expect.stringMatching(text) });
      // As a program would show it, causes and all.
      expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/s3cret/);
    });
  }

  test("a function for the secret that never returns, which does not block later calls", async () => {
    const { tokenUrl } = await tokenEndpoint();
    const answers = [new Promise<string>(() => undefined), Promise.resolve("s3cret")];
    const headers = helper(tokenUrl, { timeoutMs: 250, clientSecret: () => answers.shift() ?? "" });
    await expect(headers()).rejects.toMatchObject({
      code: "ERR_OPAMP_AUTH",
      message: "the function given to clientCredentials did not return within 250 ms",
    });
    expect(await headers()).toMatch(/^Bearer token-/);
  });

  test("an endpoint where nothing listens", async () => {
    const error: unknown = await helper("http://127.0.0.1:1/token")().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "ERR_OPAMP_AUTH",
      message: expect.stringMatching(/127\.0\.0\.1:1\/token cannot be reached/),
      cause: expect.objectContaining({ code: "ERR_OPAMP_CONNECT" }),
    });
  });
});

describe("wrong options are refused when the helper is called", () => {
  const wrong: readonly Partial<ClientCredentialsOptions>[] = [
    { tokenUrl: "http://login.example.com/token" },
    { tokenUrl: "login" },
    { clientId: "" },
    { clientSecret: "" },
    { timeoutMs: Number.NaN },
    { marginMs: -1 },
  ];
  for (const options of wrong) {
    test(JSON.stringify(options), () => {
      const all = { tokenUrl: "https://login.example.com/token", clientId: "a", clientSecret: "b", ...options };
      expect(() => clientCredentials(all)).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION" }));
    });
  }
});
