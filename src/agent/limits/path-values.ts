import { isAbsolute, posix, relative } from "node:path";
import { realPathOf } from "../real-path.js";

/** Of another machine, unless the scheme is `file` or no machine is named. */
const URL = /\b(?!file:)[a-z][a-z0-9+.-]*:\/\/[^\s/"'`,;|<>]+[^\s"'`,;|<>]*/gi;
/** A slash that begins a path, and what belongs to it. */
const ABSOLUTE = /(?<![\w.*?-])\/[^\s"'`,;|&<>()[\]{}]*/g;
/** Paths of which only the program can tell where they lead. */
const ELSEWHERE = /(?:^|[\s=:,;"'`([{|<>&])(?:~|\.{1,2}(?:\/|$))|\.\.\/|\/\.\.(?:\/|$)|\$[^/]*\/|\bfile:/i;

/** Whether every path in a text lies in one of some directories, also where links lead elsewhere. */
export function liesIn(directories: readonly string[], text: string): boolean {
  const local = text.replaceAll(URL, "");
  if (ELSEWHERE.test(local)) return false;
  return (local.match(ABSOLUTE) ?? []).every((found) => {
    const path = posix.normalize(found.replace(/^\/+/, "/"));
    return directories.some(
      (directory) => isInside(directory, path) && isInside(realPathOf(directory), realPathOf(path)),
    );
  });
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== ".." && !way.startsWith("../") && !isAbsolute(way);
}
