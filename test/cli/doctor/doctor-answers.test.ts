import { expect, onTestFinished, test } from "vitest";
import type { Diagnosis } from "../../../src/cli/doctor/diagnosis.js";
import { OpAMPServer } from "../../../src/testing/index.js";
import { startHttp } from "../../transport/raw-servers.js";
import { opamp } from "../terminal.js";

async function diagnosis(...args: string[]): Promise<Diagnosis> {
  return JSON.parse((await opamp("doctor", "--json", "--proxy", "none", ...args)).out);
}

/** What the steps came to, as `name status`, without those that were not needed or not tried. */
function taken({ steps }: Diagnosis): string[] {
  return steps.filter(({ status }) => status !== "skipped").map(({ name, status }) => `${name} ${status}`);
}

function failure({ steps }: Diagnosis) {
  return steps.find(({ status }) => status === "failed");
}

/** A server that redirects everything, and its `host:port`. */
async function guide(location: string, status = 302): Promise<string> {
  return (await startHttp((_request, response) => response.writeHead(status, { location }).end())).host;
}

for (const scheme of ["ws", "http"]) {
  test(`over ${scheme}, a redirect to a name that does not resolve is two steps, and exits with 3`, async () => {
    const host = await guide("https://login.invalid/auth?client_id=s3cret&state=x");
    const { code, out } = await opamp("doctor", "--proxy", "none", `${scheme}://${host}/v1/opamp`, "-H", "X-Key: k");
    expect(code).toBe(3);
    expect(out).toContain(
      "ok    redirect  302 to https://login.invalid/auth; headers and credentials are not sent there\n",
    );
    expect(out).toMatch(/FAIL {2}resolve {3}redirected by .* to login\.invalid: .*does not resolve/);
    expect(out).toMatch(new RegExp(`fix: ${host} redirects there, so a login page or a proxy may stand in the way; `));
    expect(out).not.toContain("s3cret");
  });

  test(`over ${scheme}, redirects that lead to the server are steps, and data`, async () => {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    const host = await guide(server.httpUrl, 307);
    const found = await diagnosis(`${scheme}://${host}/v1/opamp`);
    const open = scheme === "ws" ? ["open ok"] : [];
    expect(taken(found)).toEqual(["url ok", "connect ok", "redirect ok", ...open, "report ok"]);
    const { redirect, detail, durationMs } = found.steps.find(({ name }) => name === "redirect") ?? {};
    const from = `${scheme}://${host}/v1/opamp`;
    expect(redirect).toEqual({ status: 307, from, to: server.httpUrl, isFollowed: true });
    // Nothing was to be sent there.
    expect([detail, durationMs]).toEqual([`307 to ${server.httpUrl}`, undefined]);
  });

  test(`over ${scheme}, a redirect to where nothing listens exits with 4`, async () => {
    const found = await diagnosis(`${scheme}://${await guide("http://127.0.0.1:1/login")}/`);
    expect(taken(found)).toEqual(["url ok", "connect ok", "redirect ok", "connect failed"]);
    expect(found.exitCode).toBe(4);
  });

  test(`over ${scheme}, a redirect to a place without TLS exits with 5`, async () => {
    const target = await startHttp((_request, response) => response.end());
    const found = await diagnosis(`${scheme}://${await guide(`https://${target.host}/`)}/`);
    expect(taken(found)).toEqual(["url ok", "connect ok", "redirect ok", "connect ok", "tls failed"]);
    expect(found.exitCode).toBe(5);
  });

  test(`over ${scheme}, a login page behind a redirect exits with 7`, async () => {
    const login = await startHttp((_request, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    );
    const found = await diagnosis(`${scheme}://${await guide(`http://${login.host}/login`)}/`);
    const last = scheme === "ws" ? "open" : "report";
    expect(taken(found)).toEqual(["url ok", "connect ok", "redirect ok", `${last} failed`]);
    expect(failure(found)?.hint).toMatch(/login page/);
    expect(found.exitCode).toBe(7);
  });

  test(`over ${scheme}, credentials that a redirect leaves behind are told where they are missed`, async () => {
    const target = await startHttp((_request, response) => response.writeHead(401).end());
    const found = await diagnosis(`${scheme}://me:pass@${await guide(`http://${target.host}/`)}/`);
    expect(found.exitCode).toBe(6);
    expect(failure(found)?.hint).toMatch(/not sent where a redirect leads to another origin/);
    expect(JSON.stringify(found)).not.toContain("me:pass");
  });

  test.each([
    ["a loop", "/loop", 302, 5, /more than 5 in one attempt/],
    ["another method", "/login", 303, 0, /asks for a GET/],
    ["no server URL", "mailto:s3cret@x", 302, 0, /not a server URL/],
  ])(
    `over ${scheme}, a redirect that is not followed fails as such: %s`,
    async (_what, location, status, before, text) => {
      const found = await diagnosis(`${scheme}://${await guide(location, status)}/`);
      const followed = Array(before).fill("redirect ok");
      expect(taken(found)).toEqual(["url ok", "connect ok", ...followed, "redirect failed"]);
      expect(failure(found)).toMatchObject({
        detail: expect.stringMatching(text),
        redirect: { status, isFollowed: false },
      });
      expect(found.exitCode).toBe(7);
      expect(JSON.stringify(found)).not.toContain("s3cret");
    },
  );

  test.each([429, 503])(
    `over ${scheme}, a %i shows its Retry-After in seconds and as a date, and as data`,
    async (status) => {
      const { host } = await startHttp((_request, response) =>
        response.writeHead(status, { "retry-after": "90" }).end(),
      );
      const found = await diagnosis(`${scheme}://${host}/`);
      const failed = failure(found);
      const { retryAt = "", retryAfterMs } = failed ?? {};
      expect([found.exitCode, retryAfterMs]).toEqual([8, 90_000]);
      expect(Date.parse(retryAt)).toBeGreaterThan(Date.now() + 60_000);
      expect(failed?.detail).toContain(`; it asks for a pause of 90 s, until ${retryAt}`);
      expect(failed?.hint).toContain(`try again after ${retryAt}; `);
    },
  );

  test(`over ${scheme}, the retry_info of UNAVAILABLE is shown likewise`, async () => {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    server.throttleNext({ retryAfterMs: 45_000 });
    const found = await diagnosis(scheme === "ws" ? server.url : server.httpUrl);
    expect(found.exitCode).toBe(8);
    expect(failure(found)).toMatchObject({
      name: "report",
      retryAfterMs: 45_000,
      detail: expect.stringMatching(/\(unavailable\).*; it asks for a pause of 45 s, until \d{4}-/),
    });
  });
}

test("a pause without a time is said to be one", async () => {
  const { host } = await startHttp((_request, response) => response.writeHead(503).end());
  const failed = failure(await diagnosis(`http://${host}/`));
  expect(failed).toMatchObject({
    detail: expect.stringMatching(/does not say for how long/),
    hint: expect.stringMatching(/^try again in a minute; /),
  });
  expect(failed).not.toHaveProperty("retryAfterMs");
});
