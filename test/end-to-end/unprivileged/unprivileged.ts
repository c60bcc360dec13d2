/** The user without rights. */
export const NOBODY = 65_534;

/**
 * Runs what follows it where only the given directories can be written, as a user without rights. What makes that
 * impossible is said, and ends the process.
 */
export function unprivileged(...stores: readonly string[]): string[] {
  const isRoot = process.getuid?.() === 0;
  const enclose = `set -e
    for store in ${stores.map((store) => `'${store}'`).join(" ")}; do mount --bind "$store" "$store"; done
    cut -d' ' -f2 /proc/self/mounts | while read -r point; do
      case "$point" in ${stores.map((store) => `'${store}'`).join("|")}|/proc|/proc/*|/dev|/dev/*|/sys|/sys/*) ;;
      *) mount -o remount,bind,ro "$point" 2>/dev/null || true ;; esac
    done
    if touch /tmp/opamp-writable 2>/dev/null; then echo "the file system cannot be made read-only here" >&2; exit 70; fi
    exec ${isRoot ? `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups` : "setpriv"} \\
      --bounding-set=-all --inh-caps=-all --no-new-privs "$@"`;
  const asRoot = isRoot ? [] : ["--user", "--map-root-user"];
  return ["unshare", "--mount", "--propagation=private", ...asRoot, "sh", "-c", enclose, "sh"];
}
