import { expect, test } from "vitest";
import { createConfigRedactor } from "../../../src/extension/redact/config-redactor.js";

const { text } = createConfigRedactor();

test.for([
  ["YAML", "server:\n  auth: bearertokenauth/main\n"],
  ["YAML, after an authenticator", "auth:\n  authenticator: oauth2client\n"],
  ["JSON", '{"auth": "headers_setter/2"}'],
] as const)("the name of an auth extension is not a secret, in %s", ([, config]) => {
  expect(text(config)).toBe(config);
});

test.for(["anna:s3cret", "basicauth s3cret", "basicauth/a b", "my-basicauth"])(
  "credentials in auth are a secret: %j",
  (secret) => {
    expect(text(`auth: ${secret}\n`)).toBe("auth: '[REDACTED]'\n");
  },
);
