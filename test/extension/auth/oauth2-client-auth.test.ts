import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { fileForTest } from "../../cli/files.js";
import { headersBy, refused, SECRET, serverWith, type Tree } from "../reading.js";

/** A token endpoint on loopback that ends with the test. */
async function tokenEndpoint(onlyInBody = false) {
  const asked: { authorization: string | undefined; form: URLSearchParams }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    asked.push({ authorization: request.headers.authorization, form });
    const refuses = onlyInBody && !form.has("client_secret");
    const answer = refuses
      ? { error: "invalid_client" }
      : { access_token: "tok", token_type: "bearer", expires_in: 3_600 };
    response.writeHead(refuses ? 401 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return { asked, token_url: `http://127.0.0.1:${address.port}/token` };
}

const by = (oauth2client: Tree) => headersBy({ oauth2client }, "oauth2client", { "X-A": "1" });

test("a token is fetched with the client's credentials, scopes and parameters", async () => {
  const { asked, token_url } = await tokenEndpoint();
  const endpoint_params = { audience: "opamp", resource: ["a", "b"] };
  const block = {
    client_id: "id",
    client_secret: "pass",
    token_url,
    scopes: ["x", "y"],
    endpoint_params,
    timeout: "0",
  };
  expect(await by(block)).toEqual({ authorization: "Bearer tok", "x-a": "1" });
  expect(asked).toHaveLength(1);
  expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from("id:pass").toString("base64")}`);
  const form = asked[0]?.form;
  expect([form?.get("scope"), form?.get("audience"), form?.getAll("resource")]).toEqual(["x y", "opamp", ["a", "b"]]);
});

test("id and secret may be in files, and go into the body where the endpoint wants them there", async () => {
  const { asked, token_url } = await tokenEndpoint(true);
  const files = { client_id_file: fileForTest("id\n"), client_secret_file: fileForTest(`${SECRET}\n`) };
  const block = { client_id: "x", client_secret: "y", ...files, token_url, timeout: "5s", expiry_buffer: "1m" };
  expect(await by(block)).toMatchObject({ authorization: "Bearer tok" });
  expect(asked.map(({ form }) => [form.get("client_id"), form.get("client_secret")])).toEqual([
    [null, null],
    ["id", SECRET],
  ]);
});

test("an endpoint that cannot be reached fails the attempt", async () => {
  const block = { client_id: "id", client_secret: SECRET, token_url: "http://127.0.0.1:1/token" };
  await expect(by(block)).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH", retryable: true });
});

describe("a wrong block is refused", () => {
  const good = { client_id: "id", client_secret: SECRET, token_url: "https://login.example.com/token" };
  test.each([
    [{ ...good, client_id: "" }, /client_id: no ClientID provided/],
    [{ ...good, client_secret: null }, /client_secret: no ClientSecret provided/],
    [{ ...good, token_url: null }, /token_url: no TokenURL provided/],
    [{ ...good, token_url: `http://${SECRET}/token` }, /token_url: must be an https URL/],
    [{ ...good, timeout: 5 }, /timeout: is a number without a unit/],
    [{ ...good, timeout: "-5s" }, /timeout: must be 0 or greater/],
    [{ ...good, expiry_buffer: "-5s" }, /expiry_buffer: must be 0 or greater/],
    [{ ...good, grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer" }, /grant_type: must be one of client_cred/],
    [{ ...good, endpoint_params: [SECRET] }, /endpoint_params: must be a map of keys, not a list/],
    [{ ...good, endpoint_params: { a: 1 } }, /endpoint_params\.a: must be a list, not a number/],
    [{ ...good, tls: { cert_file: "c" } }, /tls: TLS configuration must include both certificate and key/],
    [{ ...good, scope: SECRET }, /unknown key "scope". Did you mean "scopes"/],
  ])("%j", (oauth2client, problem) => {
    const opamp = serverWith("ws", { auth: "oauth2client" });
    expect(refused({ extensions: { opamp, oauth2client } }).message).toMatch(problem);
  });
});
