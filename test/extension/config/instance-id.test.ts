import { expect, test } from "vitest";
import { fromExtensionConfig } from "../../../src/extension/config/from-extension-config.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { blockWith, refused, type Tree } from "../reading.js";

const UUID = "01890a5d-ac96-774b-bcce-b302099a8057";

function file(resource: Tree, opamp = blockWith("ppid", 0)) {
  return { extensions: { opamp }, service: { telemetry: { resource } } };
}

test.for([UUID, `urn:uuid:${UUID}`, `{${UUID}}`, UUID.replaceAll("-", "")])(
  "the instance id of a resource becomes the uid, in any form that Go accepts: %s",
  (id) => {
    const host = { env: {}, service: { name: "a" } };
    expect(fromExtensionConfig(file({ "service.instance.id": id }), host).instanceUid).toBe(UUID);
  },
);

test.for([
  { "service.instance.id": "host-1" },
  { attributes: [{ name: "service.instance.id", value: "host-1" }] },
] satisfies Tree[])("an instance id that is not a UUID is refused with its key: %j", (resource) => {
  expect(refused(file(resource))).toEqual({
    code: "ERR_OPAMP_OPTION",
    message: 'service.telemetry.resource["service.instance.id"]: must be a UUID',
    hint: "give a UUID, or give instance_uid, which comes before it",
  });
});

test("an instance id can be anything if instance_uid is set", () => {
  const config = readExtensionConfig(file({ "service.instance.id": "host-1" }, blockWith("instance_uid", UUID)));
  expect(config).toMatchObject({ instanceUid: UUID, resource: { "service.instance.id": "host-1" } });
});
