import { createHash } from "node:crypto";

const MAX_BYTES = 255;

/**
 * A namespace as it stands in keys. Nesting makes namespaces longer than any index takes, so a
 * long one is replaced by its hash (and `ns_text` keeps it); `#` marks hashes.
 */
export function namespaceKey(ns: string): string {
  if (ns.length <= MAX_BYTES && !ns.startsWith("#") && Buffer.byteLength(ns) <= MAX_BYTES) {
    return ns;
  }
  return `#${createHash("sha256").update(ns).digest("hex")}`;
}
