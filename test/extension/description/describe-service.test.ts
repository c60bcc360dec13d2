import { resourceFromAttributes } from "@opentelemetry/resources";
import { describe, expect, test } from "vitest";
import { describeService } from "../../../src/extension/description/describe-service.js";
import { processAttributes } from "../../../src/extension/description/host-attributes.js";
import { toAgentDescription } from "../../../src/values/description.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";

const host = { "os.type": "linux", "host.name": "box", "host.arch": "amd64" };
const service = { name: "my-agent", version: "1.4.0" };

describe("a service is described", () => {
  verifies(["DESC-01", "DESC-03"], "by name, version and instance, and follows a new instance uid", () => {
    const describe = describeService({ service, host });
    for (const instanceUid of ["0195-a", "0195-b"]) {
      expect(describe({ instanceUid })).toEqual({
        identifying: { "service.instance.id": instanceUid, "service.name": "my-agent", "service.version": "1.4.0" },
        nonIdentifying: host,
      });
    }
  });

  test("by the resource's name and version before the given ones", () => {
    const resource = { "service.name": "from-resource", "service.version": 1.5, "service.instance.id": "other" };
    expect(describeService({ service, resource, host })({ instanceUid: "u" }).identifying).toEqual({
      "service.instance.id": "u",
      "service.name": "from-resource",
      "service.version": "1.5",
    });
  });

  test("by a resource of the OpenTelemetry SDK", () => {
    const resource = resourceFromAttributes({ "service.name": "shop", "service.namespace": "eu", zones: ["a", null] });
    const describe = describeService({ resource, host, includeResourceAttributes: true });
    expect(describe({ instanceUid: "u" })).toEqual({
      identifying: { "service.instance.id": "u", "service.name": "shop" },
      nonIdentifying: { ...host, "service.namespace": "eu", zones: ["a", null] },
    });
  });

  verifies("DESC-02", "by detected attributes, overridden by configured ones, overridden by the resource", () => {
    const options = {
      service,
      host,
      nonIdentifying: { "host.name": "configured", zone: "configured", mine: "x", "os.type": undefined },
      resource: {
        zone: "resource",
        "service.name": "from-resource",
        "service.instance.id": "i",
        port: 4317,
        flags: [true],
      },
    };
    expect(describeService(options)({ instanceUid: "u" }).nonIdentifying).toEqual({
      ...host,
      "host.name": "configured",
      zone: "configured",
      mine: "x",
    });
    expect(
      describeService({ ...options, includeResourceAttributes: true })({ instanceUid: "u" }).nonIdentifying,
    ).toEqual({
      ...host,
      "host.name": "configured",
      zone: "resource",
      mine: "x",
      port: 4317,
      flags: [true],
    });
  });

  test("without a version if it has none, and with this machine by default", () => {
    const description = describeService({ service: { name: "a" } })({ instanceUid: "u" });
    expect(toAgentDescription(description).identifyingAttributes.map(({ key }) => key)).toEqual([
      "service.instance.id",
      "service.name",
    ]);
    expect(Object.keys(description.nonIdentifying ?? {}).sort()).toEqual([
      "host.arch",
      "host.name",
      "os.description",
      "os.type",
    ]);
  });

  test("only if it has a name and its attributes are valid", () => {
    expect(refusal(() => describeService({ host }))).toMatchObject({
      code: "ERR_OPAMP_OPTION",
      message: "describeService.service.name: is needed, unless the resource has a service.name",
    });
    const wrong = { service, nonIdentifying: [] };
    // @ts-expect-error a list is not a record
    expect(refusal(() => describeService(wrong)).message).toContain("describeService.nonIdentifying");
    expect(refusal(() => describeService(Object.assign({ servce: service }, { host }))).message).toContain("servce");
  });
});

describe("a process is described", () => {
  test("by the conventions, without its arguments", () => {
    const probe = {
      pid: 7,
      execPath: "/usr/bin/node",
      argv: ["/usr/bin/node", "/app/main.js", "--token=abc"],
      nodeVersion: "20.1.0",
      owner: () => "me",
    };
    expect(processAttributes({ probe })).toEqual({
      "process.pid": 7,
      "process.executable.name": "node",
      "process.executable.path": "/usr/bin/node",
      "process.command": "/app/main.js",
      "process.runtime.name": "nodejs",
      "process.runtime.version": "20.1.0",
      "process.runtime.description": "Node.js",
      "process.owner": "me",
    });
  });

  test("without an owner where the user has no name", () => {
    const probe = {
      pid: 7,
      execPath: "node",
      argv: [],
      nodeVersion: "20.1.0",
      owner() {
        throw new Error("uv_os_get_passwd");
      },
    };
    expect(processAttributes({ probe })).toMatchObject({ "process.owner": undefined, "process.command": undefined });
  });

  test("with its real values by default", () => {
    expect(processAttributes()).toMatchObject({
      "process.pid": process.pid,
      "process.runtime.version": process.versions.node,
    });
  });
});
