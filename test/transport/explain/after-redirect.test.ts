import { expect, test } from "vitest";
import { afterRedirect, statusRefused } from "../../../src/transport/explain/connect-error.js";

test.each([
  ["ws://h:4330/v1/opamp", "redirected by h:4330 to h:4330/login: h:4330/login answered 200 instead of upgrading"],
  ["ws://front:80/v1/opamp", "redirected by front:80 to h:4330: h:4330/login answered 200 instead of upgrading"],
  ["ws://h:4330/login", "h:4330/login answered 200 instead of upgrading"],
])("a failure says who redirected there, also within one host: %s", (from, message) => {
  const at = new URL("ws://h:4330/login");
  expect(afterRedirect(statusRefused(200, {}, at, 0), new URL(from), at).error.message).toBe(
    message.replace("front:80", new URL("ws://front:80/").host),
  );
});
