import { describe, expect, test } from "vitest";
import { redactedAfterKey } from "../../src/diagnostics/one-line.js";
import { createRedactor } from "../../src/diagnostics/redactor.js";

const { text: redact } = createRedactor();

describe("what is said of a key", () => {
  test.each([
    "extensions.opamp.server.ws.headers.Authorization: refers to the file /run/tok, which cannot be read (ENOENT)",
    "extensions.opamp.server.ws.headers.Cookie: must be text, not a list (line 3, column 125)",
    'extensions.opamp.server.http.headers["X-Token"]: must be text, not a list',
    "extensions.basicauth.client_auth.password: must be text, not a number",
    "extensions.bearertokenauth.tokens[0]: must be text, not a number",
  ])("is not taken for its secret: %s", (line) => {
    expect(redactedAfterKey(line, redact)).toBe(line);
  });

  test("is shown without the secrets in it", () => {
    const line = "extensions.opamp.server.ws.headers.Authorization: is Bearer abcdef0123456789, which cannot be sent";
    expect(redactedAfterKey(line, redact)).not.toContain("abcdef0123456789");
  });

  test("is hidden where no path of keys stands before it", () => {
    expect(redactedAfterKey("token: abcdef0123456789", redact)).not.toContain("abcdef");
    expect(redactedAfterKey("curl: a.token: abcdef0123456789", redact)).not.toContain("abcdef");
  });
});
