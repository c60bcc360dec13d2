import { posix } from "node:path";

/** What stands for a directory in a command. */
const PLACEHOLDER = "{directory}";
const SHELLS = new Set(["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"]);

/** The part of a shell's text that a character is in. */
type Quoting = "none" | "single" | "double" | "comment";

/** What gives the directory and nothing else, by the quotes that are around it. */
type Forms = Readonly<Record<Quoting, string>>;

/** A shell never reads what is in a variable as a part of the command. */
const VARIABLE: Forms = {
  none: `"\${OPAMP_CONFIG_DIR}"`,
  double: `\${OPAMP_CONFIG_DIR}`,
  single: `'"\${OPAMP_CONFIG_DIR}"'`,
  comment: PLACEHOLDER,
};

/** For a shell that is started by another one, with other variables perhaps. */
function literal(directory: string): Forms {
  const text = inSingleQuotes(directory);
  return { none: `'${text}'`, double: `"'${text}'"`, single: text, comment: PLACEHOLDER };
}

function inSingleQuotes(text: string): string {
  return text.replaceAll("'", () => "'\\''");
}

/** Just before the text that a command gives to a shell. */
const SCRIPT_OPTION = /(?:^|[\s;&|(/])(?:ba|da|a|k|mk|z)?sh(?:\s+-\w+)*\s+-[a-z]*c\s+$/;

/**
 * A text for the shell with `{directory}` in it put in: as the variable of that name, so that it is never read as a part
 * of the command, whatever quotes are around it.
 */
export function inShell(text: string, directory: string, forms: Forms = VARIABLE): string {
  if (!text.includes(PLACEHOLDER)) return text;
  /** The innermost last: `$(...)` and backquotes have quotes of their own. */
  const outer: { quoting: Quoting; until: ")" | "`"; parentheses: number }[] = [];
  let quoting: Quoting = "none";
  let parentheses = 0;
  let made = "";

  function enter(until: ")" | "`"): void {
    outer.push({ quoting, until, parentheses });
    quoting = "none";
    parentheses = 0;
  }

  function leave(): void {
    ({ quoting, parentheses } = outer.pop() ?? { quoting: "none", parentheses: 0 });
  }

  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const [character = ""] = rest;
    const isRead = quoting === "none" || quoting === "double";
    const mayBegin = quoting === "none" && (character === "'" || character === '"');
    const script = mayBegin && SCRIPT_OPTION.test(text.slice(0, at)) ? scriptAt(rest) : undefined;
    if (script !== undefined) {
      made += script.quote(inShell(script.text, directory, literal(directory)));
      at += script.length;
    } else if (rest.startsWith(PLACEHOLDER)) {
      made += forms[quoting];
      at += PLACEHOLDER.length;
    } else if (isRead && (character === "\\" || rest.startsWith("$("))) {
      if (character === "$") enter(")");
      made += rest.slice(0, 2);
      at += 2;
    } else {
      look(character, text[at - 1]);
      made += character;
      at += 1;
    }
  }
  return made;

  function look(character: string, before: string | undefined): void {
    const until = outer.at(-1)?.until;
    switch (quoting) {
      case "none":
        if (character === "'") quoting = "single";
        else if (character === '"') quoting = "double";
        else if (character === "#" && (before === undefined || /[\s;&|(]/.test(before))) quoting = "comment";
        else if (character === "(") parentheses += 1;
        else if (character === "`") until === "`" ? leave() : enter("`");
        else if (character === ")" && parentheses > 0) parentheses -= 1;
        else if (character === ")" && until === ")") leave();
        return;
      case "double":
        if (character === '"') quoting = "none";
        else if (character === "`") enter("`");
        return;
      case "single":
        if (character === "'") quoting = "none";
        return;
      case "comment":
        if (character === "\n") quoting = "none";
        return;
      default:
        quoting satisfies never;
    }
  }
}

/** A quoted text that another shell is to read, where this one only takes the quotes away. */
function scriptAt(rest: string): { text: string; length: number; quote: (text: string) => string } | undefined {
  const [single, inSingle] = /^'([^']*)'/.exec(rest) ?? [];
  if (single !== undefined) {
    return { text: inSingle ?? "", length: single.length, quote: (text) => `'${inSingleQuotes(text)}'` };
  }
  const [double, inDouble = ""] = /^"((?:[^"\\$`]|\\[\s\S])*)"/.exec(rest) ?? [];
  if (double === undefined) return undefined;
  return {
    text: inDouble.replaceAll(/\\(["\\$`])/g, "$1"),
    length: double.length,
    quote: (text) => `"${text.replaceAll(/["\\$`]/g, "\\$&")}"`,
  };
}

/** A program and its arguments with `{directory}` put in; a text that the program gives to a shell, as {@link inShell}. */
export function inArguments(command: readonly string[], directory: string): string[] {
  const script = scriptIn(command);
  return command.map((part, index) =>
    index === script ? inShell(part, directory) : part.replaceAll(PLACEHOLDER, () => directory),
  );
}

/** Where the text of `sh -c TEXT` is. */
function scriptIn(command: readonly string[]): number | undefined {
  if (!SHELLS.has(posix.basename(command[0] ?? ""))) return undefined;
  const option = command.findIndex((part, index) => index > 0 && /^-[a-z]*c$/.test(part));
  return option < 0 ? undefined : option + 1;
}

/** A command with `{directory}` put in, for people to read. */
export function withDirectory(text: string, directory: string): string {
  return text.replaceAll(PLACEHOLDER, () => directory);
}
