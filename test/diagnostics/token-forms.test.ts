import { describe, expect, test } from "vitest";
import { createRedactor } from "../../src/index.js";

const { text } = createRedactor();

/** In two parts each, so that nobody takes one for a token that is of use. */
const PREFIXES: readonly (readonly [first: string, second: string])[] = [
  ["gh", "p_"],
  ["gh", "o_"],
  ["gh", "s_"],
  ["github", "_pat_11AA"],
  ["gl", "pat-"],
  ["glr", "t-"],
  ["xo", "xb-1234-"],
  ["xo", "xp-1234-"],
  ["xap", "p-1-"],
  ["sk", "_live_"],
  ["rk", "_test_"],
  ["wh", "sec_"],
  ["sk", "-"],
  ["sk", "-ant-api03-"],
  ["sk", "-proj-"],
  ["h", "f_"],
  ["gs", "k_"],
  ["AI", "za"],
  ["ya", "29."],
  ["GOC", "SPX-"],
  ["SG", ".abcdefgh1234."],
  ["shp", "at_0123456789abcdef"],
  ["np", "m_"],
  ["py", "pi-"],
  ["dckr", "_pat_"],
  ["hv", "s."],
  ["do", "p_v1_"],
  ["tsk", "ey-auth-"],
  ["AGE-SECRET", "-KEY-1"],
  ["NR", "AK-"],
  ["dt0", "c01."],
  ["gl", "c_"],
  ["gl", "sa_"],
  ["ph", "c_"],
  ["sntr", "ys_"],
  ["PM", "AK-"],
  ["lin", "_api_"],
  ["110201543", ":AA"],
  ["ey", "JhbGciOiJIUzI1NiJ9."],
];
const BODY = "Q7W8E9R0T1Y2U3I4O5P6A7S8D9F0";

describe("a token that is known by its form", () => {
  test.for(PREFIXES)("such as %s%s is hidden wherever it stands", ([first, second]) => {
    const token = `${first}${second}${BODY}`;
    for (const around of ["@", "sent @ to it", '"@"', "x=@", "a,@,b", "/path/@/more", "https://h/@", "(@)", "\\n@"]) {
      const shown = text(around.replace("@", token));
      expect(shown).not.toContain(BODY);
      expect(text(shown)).toBe(shown);
    }
  });

  test.for([
    "task-sk-12345678901234567890 x",
    "sk-learn-and-something-more",
    "hf_transfer_and_something_more",
    "npm_config_registry_of_packages",
    "pypi-server",
    "xoxo",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJ is how it begins",
    "12:34:56 and 110201543:BB",
    "docker run -u 1000:1000 -p 8080:80",
    "mysql -p -u root",
    "git log --user me",
    "login is needed; a user may have a password",
    "/services/otel/config and /api/webhooks",
    "costs $1$ or $5$",
  ])("does not make a token of %j", (words) => {
    expect(text(words)).toBe(words);
  });
});

describe("a hostile text of a megabyte", () => {
  const LENGTH = 1_000_000;
  test.for([
    "-----BEGIN PRIVATE KEY-----",
    "mysql ",
    "mysql -p",
    "curl -u ",
    "-u a:",
    "user a password ",
    "login x ",
    "a:1:b:c",
    "ghp_",
    "eyJa.",
    "eyJ",
    "sk-",
    "$2y$",
    "/services/T",
    "/receiver/v1/",
    "https://h/",
    "https://hooks.h/",
    "://",
    "a/b@",
    "a{",
    "{name:",
    "{key:a,",
    "name={",
    "password={",
    '"token",',
    "--token ",
    "a1B2",
    "=",
    "a=",
    "\\",
    '\\"',
    " ",
    "'",
    "<a ",
    "<token>",
    "routing_key",
    "jdbc:oracle:thin:",
    "stats auth ",
  ])("of %j again and again is redacted in time that grows with its length alone", (piece) => {
    // A pattern that backtracks over all of it would not come to an end.
    expect(text(piece.repeat(LENGTH / piece.length)).length).toBeGreaterThan(0);
  });
});
