import { readFile } from "node:fs/promises";

/** Where file systems, directories and single files are mounted; nothing where the system does not tell. */
export async function mountPoints(): Promise<ReadonlySet<string>> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return mountPointsIn(text);
}

/** The fifth field of each line, in which white space and backslashes are octal escapes. */
export function mountPointsIn(text: string): ReadonlySet<string> {
  const points = text.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  const plain = (point: string) =>
    Buffer.from(point, "utf8")
      .toString("latin1")
      .replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return new Set(points.map((point) => Buffer.from(plain(point), "latin1").toString("utf8")));
}
