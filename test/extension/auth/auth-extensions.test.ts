import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { fileForTest } from "../../cli/files.js";
import { headersBy, ref, refused, SECRET, serverWith, type Tree } from "../reading.js";

const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });
const refusedAuth = (extensions: Tree, auth: string) =>
  refused({ extensions: { opamp: serverWith("ws", { auth }), ...extensions } });

describe("the auth extension", () => {
  test("is chosen by its name, spaces aside", async () => {
    const extensions = { bearertokenauth: { token: "a" }, "bearertokenauth/b": { token: "b" } };
    expect(await headersBy(extensions, "bearertokenauth")).toEqual({ authorization: "Bearer a" });
    expect(await headersBy(extensions, " bearertokenauth / b ")).toEqual({ authorization: "Bearer b" });
    expect(await headersBy(extensions, "", { "X-A": "1" })).toEqual({ "x-a": "1" });
  });

  test("is found in extensions that are given without the rest of a file", () => {
    const config = { opamp: serverWith("ws", { auth: "bearertokenauth" }), bearertokenauth: { token: "a" } };
    expect(readExtensionConfig(config).server.auth).toBeTypeOf("function");
  });

  test("is refused if it does not exist, with those that do", () => {
    expect(refusedAuth({ "bearertokenauth/a": {} }, "bearertokenauth")).toMatchObject({
      message: 'extensions.opamp.server.ws.auth: could not find auth extension "bearertokenauth"',
      hint: "put it under extensions; there are opamp, bearertokenauth/a",
    });
    expect(refused(serverWith("http", { auth: "x" }))).toMatchObject({
      message: 'server.http.auth: could not find auth extension "x"',
      hint: expect.stringContaining("give the whole file"),
    });
  });

  test("is refused if it is of another kind, with those that work", () => {
    expect(refusedAuth({ sigv4auth: {} }, "sigv4auth")).toMatchObject({
      message: 'extensions.opamp.server.ws.auth: auth extension "sigv4auth" cannot be used here',
      hint: "use one of bearertokenauth, basicauth, oauth2client, headers_setter",
    });
  });

  test("is refused in the nested form used elsewhere in the Collector", () => {
    expect(refused(serverWith("ws", { auth: { authenticator: "x" } }))).toMatchObject({
      message: "server.ws.auth: must be the name of an extension",
      hint: expect.stringContaining("write auth: NAME"),
    });
  });
});

describe("bearertokenauth", () => {
  const by = (bearertokenauth: Tree, env = {}) => headersBy({ bearertokenauth }, "bearertokenauth", {}, env);

  test.each([
    [{ token: "a" }, { authorization: "Bearer a" }],
    [{ tokens: ["a", "b"] }, { authorization: "Bearer a" }],
    [{ token: "a", scheme: "" }, { authorization: "a" }],
    [{ token: "a", scheme: "Token", header: "X-Auth" }, { "x-auth": "Token a" }],
    [{ token: ref("env:T") }, { authorization: "Bearer 007" }],
  ])("%j sends the right header", async (block, headers) => {
    expect(await by(block, { T: "007" })).toEqual(headers);
  });

  test("a file wins over a token, and its first line is read again at each attempt", async () => {
    const filename = fileForTest("one\ntwo\n");
    const opamp = serverWith("ws", { auth: "bearertokenauth" });
    const { server } = readExtensionConfig({ extensions: { opamp, bearertokenauth: { filename, token: "x" } } });
    const ask = async () => (typeof server.auth === "function" ? server.auth({ refresh: false }) : undefined);
    expect(await ask()).toEqual({ authorization: "Bearer one" });
    writeFileSync(filename, "three");
    expect(await ask()).toEqual({ authorization: "Bearer three" });
    rmSync(filename);
    await expect(ask()).rejects.toMatchObject({ code: "ERR_OPAMP_AUTH", message: expect.stringContaining(filename) });
  });

  test("a file whose first line is empty, as one that is being written, fails the attempt", async () => {
    const failure = {
      code: "ERR_OPAMP_AUTH",
      message: expect.stringMatching(/^the first line of the file .* is empty$/),
    };
    await expect(by({ filename: fileForTest(" \r\none\n") })).rejects.toMatchObject(failure);
  });

  test.each([
    [{}, /bearertokenauth: no bearer token provided/],
    [null, /bearertokenauth: no bearer token provided/],
    [{ token: "a", tokens: ["b"] }, /tokens: either tokens or token should be provided, not both/],
    [{ token: `${SECRET}\n${SECRET}` }, /token: has a line break inside/],
    [{ tokens: [`${SECRET}\n${SECRET}`] }, /tokens: cannot be sent as a header/],
    [{ token: SECRET, header: "a b" }, /header: cannot be sent as a header/],
    [{ token: 4711 }, /token: must be text, not a number/],
    [{ tokn: SECRET }, /unknown key "tokn". Did you mean "token"/],
  ])("%j is refused", (bearertokenauth, problem) => {
    expect(refusedAuth({ bearertokenauth }, "bearertokenauth").message).toMatch(problem);
  });
});

describe("basicauth", () => {
  const by = (client_auth: Tree) => headersBy({ basicauth: { client_auth } }, "basicauth");

  test("makes the header from names, passwords and files", async () => {
    const [username_file, password_file] = [fileForTest("u\n"), fileForTest(" p:w \n")];
    expect(await by({ username: "u", password: "p:w" })).toEqual(basic("u:p:w"));
    expect(await by({ username: "u" })).toEqual(basic("u:"));
    expect(await by({ username: "not:used", username_file })).toEqual(basic("u:"));
    expect(await by({ username: "x", password: "y", username_file, password_file })).toEqual(basic("u:p:w"));
  });

  test("a user name from a file that has a colon fails the attempt", async () => {
    const failure = { code: "ERR_OPAMP_AUTH", message: "the user name in username_file has a colon" };
    await expect(by({ username_file: fileForTest(`a:${SECRET}`) })).rejects.toMatchObject(failure);
  });

  test.each([
    [{}, /basicauth: no credential source provided/],
    [{ htpasswd: { inline: SECRET } }, /htpasswd: is for servers/],
    [{ htpasswd: {}, client_auth: {} }, /only one of `htpasswd` or `client_auth` can be specified/],
    [{ client_auth: { password: SECRET } }, /client_auth\.username: is missing/],
    [{ client_auth: { username: `a:${SECRET}` } }, /client_auth\.username: has a colon/],
    [{ client_auth: { user: SECRET } }, /client_auth: unknown key "user"/],
    [{ username: SECRET }, /basicauth: unknown key "username"/],
  ])("%j is refused", (basicauth, problem) => {
    expect(refusedAuth({ basicauth }, "basicauth").message).toMatch(problem);
  });
});

describe("headers_setter", () => {
  const by = (headers: readonly Tree[], more: Tree = {}, given: Tree = {}) =>
    headersBy({ headers_setter: { headers, ...more }, bearertokenauth: { token: "t" } }, "headers_setter", given);

  test.each([
    ["upsert", { "x-a": "new", "x-b": "new" }],
    ["insert", { "x-a": "old", "x-b": "new" }],
    ["update", { "x-a": "new" }],
    ["delete", {}],
    [undefined, { "x-a": "new", "x-b": "new" }],
  ])("applies the action %s", async (action, headers) => {
    const steps = ["X-A", "x-b"].map((key) => ({ action, key, value: "new" }));
    expect(await by(steps, {}, { "x-A": "old" })).toEqual(headers);
  });

  test("steps are applied in order", async () => {
    const steps = [
      { action: "delete", key: "X-A" },
      { action: "insert", key: "X-A", value: "1" },
      { action: "update", key: "X-A", value: "2" },
      { key: "X-Empty", value: "" },
    ];
    expect(await by(steps, {}, { "X-A": "0" })).toEqual({ "x-a": "2", "x-empty": "" });
  });

  test("values come from files, and from defaults where a request is missing", async () => {
    const steps = [
      { key: "X-File", value: "x", value_file: fileForTest("from file\n") },
      { key: "X-Context", from_context: "tenant", default_value: "d" },
      { key: "X-Attribute", from_attribute: "tenant", default_value: "e" },
    ];
    expect(await by(steps)).toEqual({ "x-file": "from file", "x-context": "d", "x-attribute": "e" });
  });

  test("a header removed by an additional extension is not taken from the server's headers either", async () => {
    const extensions = {
      opamp: serverWith("ws", { auth: "headers_setter", headers: { "X-A": "1", "X-B": "2" } }),
      headers_setter: { headers: [{ key: "X-C", value: "3" }], additional_auth: "headers_setter/more" },
      "headers_setter/more": { headers: [{ key: "x-a", action: "delete" }] },
    };
    const { headers, auth } = readExtensionConfig({ extensions }).server;
    expect(headers).toEqual({ "X-B": "2" });
    expect(typeof auth === "function" && (await auth({ refresh: false }))).toEqual({ "x-b": "2", "x-c": "3" });
  });

  test("an additional extension has the last word", async () => {
    const steps = [
      { key: "Authorization", value: "mine" },
      { key: "X-A", value: "1" },
    ];
    const additional_auth = "bearertokenauth";
    expect(await by(steps, { additional_auth })).toEqual({ authorization: "Bearer t", "x-a": "1" });
  });

  test.each([
    [{}, /headers_setter\.headers: missing headers configuration/],
    [{ headers: SECRET }, /headers: must be a list, not text/],
    [{ headers: [SECRET] }, /headers\[0\]: must be a map of keys, not text/],
    [{ headers: [{ value: SECRET }] }, /headers\[0\]\.key: missing header name/],
    [{ headers: [{ key: "a" }] }, /headers\[0\]: missing header source/],
    [{ headers: [{ key: "a", value: SECRET, from_context: "b" }] }, /invalid header source, must either be/],
    [{ headers: [{ key: "a", from_attribute: "c", from_context: "b" }] }, /invalid header source, must either be/],
    [{ headers: [{ key: "a", from_context: "b" }] }, /from_context: has no incoming request to take from here/],
    [
      { headers: [{ key: "a", action: "remove", value: SECRET }] },
      /action: must be one of upsert, insert, update, delete/,
    ],
    [{ headers: [{ key: "a b", value: SECRET }] }, /key: cannot be sent as a header/],
    [{ headers: [{ key: "a", value: `${SECRET}\n${SECRET}` }] }, /value: has a line break inside/],
    [{ headers: [{ key: "a", values: SECRET }] }, /unknown key "values". Did you mean "value"/],
    [
      { headers: [{ key: "a", value: "b" }], additional_auth: "x" },
      /additional_auth: could not find auth extension "x"/,
    ],
    [
      { headers: [{ key: "a", value: "b" }], additional_auth: "headers_setter" },
      /additional_auth: auth extension "headers_setter" is built upon itself/,
    ],
  ])("%j is refused", (headers_setter, problem) => {
    expect(refusedAuth({ headers_setter }, "headers_setter").message).toMatch(problem);
  });
});
