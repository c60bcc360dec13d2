import { describe, expect, test } from "vitest";
import { type Description, toAgentDescription } from "../../src/values/description.js";
import { plainAttributes } from "../../src/values/plain-attributes.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { refusal } from "../client/refusal.js";
import { verifies } from "../conformance/verifies.js";

describe("a description", () => {
  test("keeps identifying and other attributes apart", () => {
    const message = toAgentDescription({
      identifying: { "service.name": "a", "service.version": "1" },
      nonIdentifying: { "os.type": "linux" },
    });
    expect(plainAttributes(message.identifyingAttributes)).toEqual({ "service.name": "a", "service.version": "1" });
    expect(plainAttributes(message.nonIdentifyingAttributes)).toEqual({ "os.type": "linux" });
  });

  verifies("INTEROP-03", "a description of one identifying attribute has the published bytes", () => {
    const agentDescription = toAgentDescription({ identifying: { "service.name": "a" } });
    expect(Buffer.from(encodeAgentToServer({ agentDescription })).toString("hex")).toBe(
      "1a150a130a0c736572766963652e6e616d6512030a0161",
    );
  });

  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /^description: must be an object .* not undefined$/],
    ["no identifying attributes", {}, /^description.identifying: must be a record of attributes, not undefined$/],
    ["an empty identifying set", { identifying: {} }, /^description.identifying: needs at least one attribute/],
    ["one with only undefined", { identifying: { a: undefined } }, /^description.identifying: needs at least one/],
    [
      "a wrong identifying value",
      { identifying: { "service.name": null } },
      /^description.identifying\["service.name"\]: must be a string, .* not null$/,
    ],
    [
      "a wrong other value",
      { identifying: { a: 1 }, nonIdentifying: { b: new Date() } },
      /^description.nonIdentifying\["b"\]: .* not Date$/,
    ],
  ])("is refused by the path of what is wrong: %s", (_, description, message) => {
    const error = refusal(() => toAgentDescription(description as Description));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message).toMatch(message);
  });
});
