import { REDACTED } from "./secret-names.js";

/*
 * Secrets that are known by their form, wherever they stand. As in the redactor, every pattern is linear: what it begins
 * with is rare, and what may be repeated in it is bounded or ends it.
 */

/** What the tokens of a service begin with, and what follows; as whole words. */
const TOKENS: readonly string[] = [
  // GitHub, GitLab, Bitbucket and Atlassian
  "gh[opsur]_\\w{8,}",
  "github_pat_\\w{8,}",
  "gl(?:pat|rt|ptt|dt|cbt|soat|ft|imt|oas)-[\\w.-]{8,}",
  "AT(?:ATT|BB|CTT)[\\w=-]{24,}",
  // Slack, Stripe, OpenAI, Anthropic and others with their prefix
  "xox[a-z](?:\\.xox[a-z])?-[\\w-]{8,}",
  "xapp-[\\w-]{8,}",
  "[rs]k_(?:live|test)_\\w{8,}",
  "whsec_[\\w+/=]{16,}",
  "sk-(?:ant|proj|svcacct|or|lf)-[\\w-]{8,}",
  "sk-(?=[\\w-]*\\d)[\\w-]{16,}",
  "(?:gsk|hf|nvapi|r8|xai)[_-][A-Za-z\\d]{20,}",
  // Google, SendGrid, Mailgun, Shopify, Square
  "AIza[\\w-]{16,}",
  "ya29\\.[\\w-]{16,}",
  "GOCSPX-[\\w-]{16,}",
  "SG\\.[\\w-]{8,}\\.[\\w-]{8,}",
  "key-[\\da-f]{32}",
  "shp(?:at|ca|pa|ss)_\\w{16,}",
  "sq0(?:atp|csp)-[\\w-]{16,}",
  // Package registries
  "npm_[A-Za-z\\d]{16,}",
  "pypi-[\\w-]{16,}",
  "rubygems_[\\da-f]{16,}",
  "dckr_(?:pat|oat)_[\\w-]{8,}",
  // Vault, Terraform, Pulumi, Doppler, Databricks, DigitalOcean, Fly, Tailscale, Age
  "hv[bsr]\\.[\\w-]{8,}",
  "[A-Za-z\\d]{14}\\.atlasv1\\.[\\w-]{16,}",
  "pul-[\\da-f]{16,}",
  "dp\\.(?:ct|pt|sa|scim|st)\\.[\\w.-]{16,}",
  "dapi[\\da-f]{32}",
  "do[opr]_v1_\\w{8,}",
  "fo1_[\\w-]{16,}",
  "tskey-[\\w-]{8,}",
  "AGE-SECRET-KEY-1[\\dA-Z]{16,}",
  // New Relic, Dynatrace, Grafana, PostHog, Honeycomb, Sentry, Postman, Linear
  "NR(?:AA|AK|AL|BR|II|IQ|JS|RA)-[\\w-]{8,}",
  "[\\da-f]{36}NRAL",
  "dt0[a-z]\\d\\d\\.[\\w.]{8,}",
  "gl(?:c|sa)_[\\w+/=]{8,}",
  "ph[csx]_\\w{8,}",
  "hc[a-z]{1,3}k_[a-z\\d]{16,}",
  "sntry[su]_[\\w+/=-]{16,}",
  "PMAK-[\\w-]{16,}",
  "lin_(?:api|oauth)_\\w{8,}",
  // Telegram
  "\\d{6,12}:AA[\\w-]{20,}",
  // A JSON web token
  "eyJ[\\w-]+\\.[\\w-]+(?:\\.[\\w-]*)*",
];
/** A line end may be written as an escape. */
const TOKEN = new RegExp(`(?:(?<![\\w-])|(?<=\\\\[nrt]))(?:${TOKENS.join("|")})`, "g");

/** What stands before a secret, as the first group, and the secret. */
const PLACES: readonly RegExp[] = [
  // Hashes of passwords
  /(?<![\w$])(\$(?:1|2[abxy]|5|6|7|y|apr1|argon2id?|pbkdf2-sha\d+)\$)[^\s:"'`,]{8,}/g,
  // Paths that are as good as a password, with or without a host
  /(\/receiver\/v\d\/[a-z]{1,16}\/)[^\s"'<>`,;)}\]/?#]+/g,
  /(\/services\/T\w{0,20}\/B\w{0,20}\/)[^\s"'<>`,;)}\]/?#]+/g,
  /(\/api\/webhooks\/\d{1,24}\/)[^\s"'<>`,;)}\]/?#]+/g,
  /(\bjdbc:oracle:[a-z]{1,8}:[^\s/@:]{1,128}\/)[^\s@]{1,256}(?=@)/g,
  // Arguments of commands
  /((?<![\w-])(?:-[a-zA-Z]{0,5}u|-U|--user|--proxy-user)(?:["']?,?[ \t]{1,16}|=)?["']?[^\s:"'@/=-][^\s:"'@/]{0,127}:)(?!\d+(?:\s|$))[^\s"':/][^\s"']*/g,
  /(\b(?:mysql[a-z]{0,16}|mariadb[a-z-]{0,16})\b[^\n|;&]{0,200}?\s-p)(?!\s)["']?[^\s"']+/g,
  /(\b(?:sshpass|mongo[a-z]{0,10}|(?:docker|podman|az) login)\b[^\n|;&]{0,200}?\s-p[ \t=]*)["']?[^\s"']+/g,
  /(\bredis-cli\b[^\n|;&]{0,200}?\s-a[ \t]+)["']?[^\s"']+/g,
  /(\bldap[a-z]{3,10}\b[^\n|;&]{0,200}?\s-w[ \t]+)["']?[^\s"']+/g,
  /(\bsnmp[a-z]{2,10}\b[^\n|;&]{0,200}?\s-[AXc][ \t]+)["']?[^\s"']+/g,
  /((?<!\S)-pass(?:in|out)?[ \t]+pass:)[^\s"']+/g,
  // Directives of HAProxy and of snmpd
  /(\bstats[ \t]{1,16}auth[ \t]{1,16}[^\s:]{1,128}:)\S+/g,
  /(\br[ow]community6?[ \t]{1,64})\S+/g,
];

/** Over several lines: files of netrc and of HAProxy, and what PostgreSQL reads passwords from. */
const LOGINS: readonly RegExp[] = [
  /(\b(?:login|user)\s{1,64}[^\s:=]{1,128}\s{1,64}(?:insecure-)?password[ \t]{1,64})(?![:=])\S+/g,
  /^([^\s:#]{1,256}:(?:\d{1,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:)\S+$/gm,
];

function replaced(text: string, patterns: readonly RegExp[]): string {
  return patterns.reduce((clean, pattern) => {
    return clean.replace(pattern, (all: string, before: string) =>
      all.startsWith(REDACTED.slice(0, -1), before.length) ? all : before + REDACTED,
    );
  }, text);
}

/** Hides what is known for a secret by its form, or by what stands right before it. */
export function hideTokens(text: string): string {
  return replaced(text.replace(TOKEN, REDACTED), PLACES);
}

/** Hides the passwords of files that have no names for them. */
export function hideLogins(text: string): string {
  return replaced(text, LOGINS);
}
