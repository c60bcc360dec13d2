import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { type HostProbe, hostAttributes, systemProbe } from "../../../src/extension/description/host-attributes.js";

function probe(changes: Partial<HostProbe>, files: Readonly<Record<string, string>> = {}): HostProbe {
  return {
    platform: "linux",
    arch: "x64",
    endianness: "LE",
    hostname: () => "box",
    release: () => "1.2.3",
    version: () => "",
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
    ...changes,
  };
}

const linux = (files: Readonly<Record<string, string>>): unknown =>
  hostAttributes({ probe: probe({}, files) })["os.description"];

describe("a Linux distribution is described as the Collector does it:", () => {
  for (const [description, files] of [
    ["Debian 12.11", { debian_version: "12.11\n", "os-release": 'ID=debian\nVERSION_ID="12"\n' }],
    ["Debian 12.11", { debian_version: "12.11\n" }],
    [
      "Ubuntu 24.04",
      { debian_version: "trixie/sid\n", "os-release": 'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\n' },
    ],
    ["Linuxmint 21.3", { debian_version: "bookworm/sid\n", "os-release": 'ID=linuxmint\nVERSION_ID="21.3"\n' }],
    ["Raspbian 11.9", { debian_version: "11.9\n", "os-release": 'ID=raspbian\nVERSION_ID="11"\n' }],
    ["Redhat 9.4", { "os-release": 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="9.4"\n' }],
    ["Rocky 9.3", { "os-release": 'ID="rocky"\nVERSION_ID="9.3"\n' }],
    ["Fedora 39", { "os-release": "ID=fedora\nVERSION_ID=39\n" }],
    ["Oracle 8.9", { "os-release": 'ID="ol"\nVERSION_ID="8.9"\n' }],
    ["Amazon 2023", { "os-release": 'ID="amzn"\nVERSION_ID="2023"\n' }],
    ["Alpine 3.19.1", { "os-release": "ID=alpine\nVERSION_ID=3.19.1\n" }],
    ["Opensuse-Leap 15.6", { "os-release": 'ID="opensuse-leap"\nVERSION_ID="15.6"\n' }],
    ["Arch", { "os-release": "ID=arch\nBUILD_ID=rolling\n" }],
    ["Nixos 24.05", { "os-release": "ID=nixos\nVERSION_ID='24.05'\n" }],
    ["linux", {}],
    ["linux", { "os-release": "NAME=nameless\n" }],
  ] as const) {
    test(description, () => {
      const paths = Object.entries(files).map(([name, text]) => [`/etc/${name}`, text]);
      expect(linux(Object.fromEntries(paths))).toBe(description);
    });
  }
});

describe("other systems:", () => {
  test("macOS by its version file", () => {
    const plist =
      "<dict>\n<key>ProductName</key><string>macOS</string>\n<key>ProductVersion</key>\n\t<string>14.5</string></dict>";
    const files = { "/System/Library/CoreServices/SystemVersion.plist": plist };
    expect(hostAttributes({ probe: probe({ platform: "darwin", arch: "arm64" }, files) })).toEqual({
      "os.type": "darwin",
      "os.description": "macOS 14.5",
      "host.arch": "arm64",
      "host.name": "box",
    });
  });

  for (const [version, described] of [
    ["Windows 11 Pro", "Microsoft Windows 11 Pro 10.0.22631"],
    ["Microsoft Windows Server 2022", "Microsoft Windows Server 2022 10.0.22631"],
  ] as const) {
    test(`${version} by product and build`, () => {
      const windows = probe({ platform: "win32", version: () => version, release: () => "10.0.22631" });
      expect(hostAttributes({ probe: windows })).toMatchObject({ "os.type": "windows", "os.description": described });
    });
  }

  for (const [platform, type] of [
    ["darwin", "darwin"],
    ["win32", "windows"],
    ["sunos", "solaris"],
    ["freebsd", "freebsd"],
  ] as const) {
    test(`just ${type} if nothing more can be found`, () => {
      const fail = (): never => {
        throw new Error("no");
      };
      const blind = probe({ platform, version: fail, release: fail, hostname: fail });
      expect(hostAttributes({ probe: blind })).toEqual({
        "os.type": type,
        "os.description": type,
        "host.arch": "amd64",
        "host.name": undefined,
      });
    });
  }
});

describe("processors have Go's names:", () => {
  for (const [arch, endianness, name] of [
    ["x64", "LE", "amd64"],
    ["ia32", "LE", "386"],
    ["arm64", "LE", "arm64"],
    ["arm", "LE", "arm"],
    ["ppc64", "LE", "ppc64le"],
    ["ppc64", "BE", "ppc64"],
    ["s390x", "BE", "s390x"],
    ["mipsel", "LE", "mipsle"],
    ["riscv64", "LE", "riscv64"],
    ["loong64", "LE", "loong64"],
  ] as const) {
    test(`${arch} ${endianness} is ${name}`, () => {
      expect(hostAttributes({ probe: probe({ arch, endianness }) })["host.arch"]).toBe(name);
    });
  }
});

test("all four attributes are found on this machine", () => {
  expect(hostAttributes()).toEqual({
    "os.type": expect.stringMatching(/^(linux|darwin|windows|freebsd)$/),
    "os.description": expect.stringMatching(/./),
    "host.arch": expect.stringMatching(/^(amd64|arm64|386|arm|ppc64le|s390x)$/),
    "host.name": hostname(),
  });
  expect(() => systemProbe().readFile("/no/such/file")).toThrow("ENOENT");
});
