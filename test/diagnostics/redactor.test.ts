import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { createRedactor, type RedactionLists } from "../../src/index.js";
import { hosted } from "../client/hosted.js";
import { refusal } from "../client/refusal.js";

const redactor = createRedactor();

describe("a text", () => {
  const SECRET = "hunter2-S3CR3T";
  for (const text of [
    `cannot reach wss://user:${SECRET}@example.com:4320/v1/opamp`,
    `https://${SECRET}@example.com`,
    `http://user:a/${SECRET}@example.com/`,
    `http://one/,http://user:${SECRET}@two/`,
    `proxy user:${SECRET}@proxy.example.com:3128 refused`,
    `user:${SECRET}@sha256:nothing`,
    `127.0.0.1:4390/token/${SECRET}/x answered 404`,
    `(opamp.example.com/hooks/${SECRET} answered 404)`,
    `GET https://example.com/x?sig=${SECRET}&a=1, failed`,
    `GET https://example.com/x?${SECRET} failed`,
    `https://example.com/cb#access_token=${SECRET}`,
    `Authorization: Bearer ${SECRET}`,
    `authorization: Digest username="u", response="${SECRET}"`,
    `{ authorization: 'Basic ${SECRET}', host: 'x' }`,
    `Proxy-Authorization: ApiKey ${SECRET}`,
    `Cookie: a=b; session=${SECRET}`,
    `sent bearer ${SECRET} to it`,
    `sent Basic dXNlcjpwdw== and ${"Basic"} ${SECRET}`,
    `password=${SECRET}`,
    `dbpass=${SECRET}`,
    `SMTPPASS=${SECRET}`,
    `userpass: ${SECRET}`,
    `PGPASSWORD=${SECRET} psql`,
    `SMTP_PASS: ${SECRET}`,
    `"password" : "${SECRET}"`,
    `{"apiKey":"${SECRET}","a":1}`,
    `{"clientSecret":"x\\"${SECRET}"}`,
    `{\\"password\\":\\"${SECRET}\\"}`,
    `'x-api-key' => '${SECRET}'`,
    `password: ["${SECRET}", "b"]`,
    `credentials: {"a": "${SECRET}"}`,
    `private_key: |\n  ${SECRET}\n  more`,
    `password:\n  ${SECRET}`,
    `--token ${SECRET}`,
    `--client-secret=${SECRET}`,
    `passphrase = '${SECRET}`,
    `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}\n-----END RSA PRIVATE KEY-----`,
    `-----BEGIN PRIVATE KEY-----\n${SECRET}`,
    `eyJhbGciOiJIUzI1NiJ9.eyJzdWIi${SECRET}.abc`,
  ]) {
    test(`such as ${JSON.stringify(text)} does not show the secret`, () => {
      const shown = redactor.text(text);
      expect(shown).not.toContain(SECRET);
      expect(shown).not.toContain("dXNlcjpwdw");
      expect(shown).toContain("[REDACTED]");
      // What is shown may come by again.
      expect(redactor.text(shown)).toBe(shown);
    });
  }

  test("keeps everything else", () => {
    expect(redactor.text('GET wss://u:p@h.example:4320/v1/opamp?a=1&b=2: {"token":"x", "n": 1} (password=y z')).toBe(
      'GET wss://[REDACTED]@h.example:4320/v1/opamp?a=[REDACTED]&b=[REDACTED]: {"token":"[REDACTED]", "n": 1} (password=[REDACTED] z',
    );
    expect(redactor.text("before\n-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\nafter")).toBe(
      "before\n[REDACTED] private key\nafter",
    );
  });

  for (const text of [
    "no connection to 127.0.0.1:4320: connect ECONNREFUSED 127.0.0.1:4320",
    "keepalive=30 monkey: banana, turkey=1 tokenizer=fast secretary=Ann passenger: 3",
    "bypass=yes compass: north lowpass=440 overpass=3",
    "password_file=/run/secrets/x token-url: https://example.com/oauth/token tokenType=Bearer",
    "use basic authentication, a bearer token or basic health checks",
    "give the server's URL, such as wss://opamp.example.com:4320/v1/opamp?",
    "token: undefined, password=null",
    `image registry.example.com/team/agent:1.4@sha256:${"0af9".repeat(16)}, pulled`,
    "https://[::1]:4320/v1/opamp and https://example.com/@scope/package and a@example.com",
    "the proxy requires credentials: put them there; it gave no token: invalid_client",
    "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    "",
  ]) {
    test(`such as ${JSON.stringify(text)} is left unchanged`, () => {
      expect(redactor.text(text)).toBe(text);
    });
  }

  test("of any kind never makes the redactor throw", () => {
    const pieces = fc.constantFrom(
      '"',
      "'",
      "\\",
      "=",
      ":",
      "@",
      "://",
      "?",
      "&",
      "token",
      "password",
      " ",
      "\n",
      "[",
      "{",
      "}",
      "x",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(pieces).map((all) => all.join("")),
        ),
        (text) => {
          expect(typeof redactor.text(text)).toBe("string");
        },
      ),
    );
    for (const odd of [undefined, null, 1, Symbol("x"), Object.create(null)]) {
      expect(typeof redactor.text(odd as unknown as string)).toBe("string");
    }
  });

  test("never shows the value of a secret name, whatever surrounds it", () => {
    const secret = fc.stringMatching(/^[A-Z0-9]{12,20}$/);
    const around = fc.stringMatching(/^[a-z ,.()]{0,20}$/);
    const name = fc.constantFrom("password", "api_key", "X-Auth-Token", "clientSecret", "PGPASSWORD", "db.passwd");
    const separator = fc.constantFrom("=", ": ", ":", " = ", " => ");
    fc.assert(
      fc.property(secret, around, name, separator, around, (value, before, key, between, after) => {
        expect(redactor.text(`${before} ${key}${between}${value} ${after}`)).not.toContain(value);
        expect(redactor.text(`${before}{"${key}":"${value}"}${after}`)).not.toContain(value);
      }),
    );
  });
});

describe("a value", () => {
  test("is hidden by its name, in any spelling", () => {
    for (const name of [
      "password",
      "X-API-Key",
      "apiKey",
      "APIKEY",
      "api_key",
      "Set-Cookie",
      "db.passwords",
      "oauth2_token",
    ]) {
      expect(redactor.value(name, "abc"), name).toBe("[REDACTED]");
    }
    for (const name of [
      "keepalive",
      "monkey",
      "token_url",
      "passwordFile",
      "tokenizer",
      "compass",
      "key",
      "author",
      "",
    ]) {
      expect(redactor.value(name, "abc"), name).toBe("abc");
    }
    expect(redactor.value("token", { a: [1] })).toBe("[REDACTED]");
    expect(redactor.value("token", undefined)).toBeUndefined();
  });

  test("is shown with all of its members", () => {
    const value = {
      url: "https://u:p@host/",
      list: [{ token: 1, ok: 2 }],
      bytes: new Uint8Array(3),
      big: 5n,
      at: new Date(0),
      error: new Error("password=x"),
      run: () => undefined,
    };
    expect(redactor.value("settings", value)).toEqual({
      url: "https://[REDACTED]@host/",
      list: [{ token: "[REDACTED]", ok: 2 }],
      bytes: "[3 bytes]",
      big: 5n,
      at: new Date(0),
      error: "password=[REDACTED]",
      run: "[function]",
    });
    expect(redactor.record({ Authorization: "Basic x", Accept: "text/html" })).toEqual({
      Authorization: "[REDACTED]",
      Accept: "text/html",
    });
  });

  test("that is circular, huge or unreadable is shown in part or hidden", () => {
    const loop: Record<string, unknown> = { a: 1 };
    loop["loop"] = loop;
    loop["again"] = [loop, loop];
    expect(JSON.stringify(redactor.value("x", loop)).length).toBeLessThan(2_000_000);
    const long = redactor.value("x", new Array(1_000_000).fill(1));
    expect(Array.isArray(long) && long.length).toBe(10_000);
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("no");
        },
      },
    );
    expect(redactor.value("x", trap)).toBe("[REDACTED]");
    expect(redactor.record(trap)).toEqual({});
    expect(Object.keys(redactor.record(JSON.parse('{"__proto__": 1, "constructor": 2}')))).toEqual([
      "__proto__",
      "constructor",
    ]);
  });
});

describe("lists", () => {
  test("hide and show more names, as whole names only", () => {
    const listed = createRedactor({ allow: ["max-token", "sig"], deny: ["license", "acme id"] });
    expect(listed.text("max_token=1 maxToken=2 acme_license=3 X-Acme-Id: 4 other_token=5 my-max-token=6")).toBe(
      "max_token=1 maxToken=2 acme_license=[REDACTED] X-Acme-Id: [REDACTED] other_token=[REDACTED] my-max-token=[REDACTED]",
    );
    expect(listed.text("https://host/?sig=1&id=2")).toBe("https://host/?sig=1&id=[REDACTED]");
  });

  test("that contradict each other hide", () => {
    expect(createRedactor({ allow: ["token"], deny: ["token"] }).value("token", 1)).toBe("[REDACTED]");
  });

  for (const [lists, problem] of [
    [{ allow: "token" }, /^redact\.allow: must be a list/],
    [{ deny: [1] }, /^redact\.deny\[0\]: must be a string/],
    [{ deny: ["a", "--"] }, /^redact\.deny\[1\]: has neither letters nor digits/],
    [{ deny: ["one two three four five"] }, /^redact\.deny\[0\]: has more than 4 words/],
  ] as const) {
    test(`such as ${JSON.stringify(lists)} are refused`, () => {
      const wrong = lists as unknown as RedactionLists;
      expect(refusal(() => createRedactor(wrong))).toMatchObject({
        code: "ERR_OPAMP_OPTION",
        message: expect.stringMatching(problem),
      });
    });
  }

  test("and custom redactors are validated as client options", async () => {
    for (const redact of [1, { hide: [] }, { text: String }, { allow: [""] }]) {
      await expect(hosted({ redact } as object)).rejects.toMatchObject({ code: "ERR_OPAMP_OPTION" });
    }
  });
});

describe("an error event", () => {
  const fails = new Error("cannot connect to postgres://me:hunter2@db/x");

  test("shows no secret in message, hint and stack, and keeps its cause", async () => {
    const { client, clock } = await hosted();
    const errors: OpAMPError[] = [];
    client.on("error", (error) => void errors.push(error));
    client.once("phase", () => {
      throw fails;
    });
    client.start();
    await clock.advance(0);
    const [error] = errors;
    expect(error).toBeInstanceOf(OpAMPError);
    expect(error).toMatchObject({ code: "ERR_OPAMP_HANDLER", cause: fails, retryable: false });
    expect(error?.message).toContain("postgres://[REDACTED]@db/x");
    expect(error?.stack).not.toContain("hunter2");
    expect(error?.stack).toContain("listeners.ts");
  });

  test("is redacted down to its causes of this package, and keeps its other properties", async () => {
    const { client, clock, transport } = await hosted({ backoff: { minMs: 1_000 } });
    const errors: OpAMPError[] = [];
    client.on("error", (error) => void errors.push(error));
    const inner = new OpAMPError("ERR_OPAMP_AUTH", "token=abc was refused", { httpStatus: 400 });
    transport.open = (sink) => {
      const error = new OpAMPError("ERR_OPAMP_HEADERS", "the headers function failed", {
        cause: inner,
        httpStatus: 401,
      });
      sink.lost({ error, fate: "unsent", orderly: true, throttled: false });
    };
    client.start();
    await clock.advance(0);
    expect(errors).toMatchObject([
      {
        code: "ERR_OPAMP_HEADERS",
        httpStatus: 401,
        cause: { code: "ERR_OPAMP_AUTH", message: "token=[REDACTED] was refused", httpStatus: 400 },
      },
    ]);
    const late = expect(client.connected({ timeoutMs: 1 })).rejects.toMatchObject({ cause: errors[0] });
    await clock.advance(1);
    await late;
  });

  test("without secrets is passed on as the same object", async () => {
    const { client, clock, transport } = await hosted();
    const errors: OpAMPError[] = [];
    client.on("error", (error) => void errors.push(error));
    const error = new OpAMPError("ERR_OPAMP_CONNECT", "no connection to host:4320");
    transport.open = (sink) => sink.lost({ error, fate: "unsent", orderly: true, throttled: false });
    client.start();
    await clock.advance(0);
    expect(errors[0]).toBe(error);
  });

  test("shows nothing if a custom redactor throws", async () => {
    const { client, clock, escaped } = await hosted({
      redact: {
        text: () => {
          throw new Error("bad redactor");
        },
        value: (_name, value) => value,
        record: (record) => ({ ...record }),
      },
    });
    const errors: OpAMPError[] = [];
    client.on("error", (error) => void errors.push(error));
    client.once("phase", () => {
      throw fails;
    });
    client.start();
    await clock.advance(0);
    expect(errors[0]?.message).toBe("[REDACTED]");
    expect([client.phase, escaped]).toEqual(["online", []]);
  });
});
