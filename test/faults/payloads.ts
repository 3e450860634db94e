import fc from "fast-check";

/** Characters that some database, driver or protocol takes for something else. */
const CHARACTERS: readonly string[] = [
  ..."aAzZ09 _%-.:;,|#$@!?*/\\'\"`()[]{}<>=&~^+",
  ...["\0", "\n", "\r", "\t", "\u001a", "\b", "\x7f", "\u0080", "\u200b", "\u2028", "\ufeff"],
  ...["á", "a\u0301", "Á", "ß", "İ", "ı", "ａ", "\u212a", "\uffff", "\ufffd", "\ufffe"],
  ...["\u{1f600}", "\u{1f601}", "\u{10ffff}", "\ud83d", "\ude00"],
];

const VECTORS: readonly string[] = [
  ...["'", "''", '"', "`", "\\", "\\'", "\\\\'", "' OR '1'='1", '" OR ""="', "') --", "'; --"],
  ...["'; DROP TABLE sessions; --", "1; DELETE FROM agent_state", "*/ DROP TABLE x /*", "/*", "--"],
  ...["$1", "$2::text", "?", ":a", "@@version", "#", "%s", "%00", "{{1}}", "$$", "$a$"],
  ...["0", "00", "-1", "1.0", "1e3", "0x30", "null", "NULL", "true", "undefined", "NaN"],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "[object Object]"],
  ...["a", "A", "a ", " a", "a\t", "a\0", "á", "Á", "ss", "ß", "", " ", "\0", "\ud800", "\udc00a"],
  ...["x".repeat(255), "x".repeat(256), "é".repeat(127), "é".repeat(128)],
  ...["\u{1f600}".repeat(63), "\u{1f600}".repeat(64), "'".repeat(255), "\\".repeat(254)],
];

const TWINS: readonly ((text: string) => string)[] = [
  (text) => `${text} `,
  (text) => ` ${text}`,
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => text.normalize("NFD"),
  (text) => `${text}\0`,
  (text) => `${text}'`,
  (text) => `${text}\\`,
];

const text = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...VECTORS) },
  {
    weight: 5,
    arbitrary: fc
      .array(fc.constantFrom(...CHARACTERS), { maxLength: 12 })
      .map((parts) => parts.join("")),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 270 }) },
);

/** Strings that are distinct, many of them with a twin that somebody takes for the same. */
export function payloads(count: number): fc.Arbitrary<string[]> {
  const pair = fc
    .tuple(text, fc.constantFrom(...TWINS))
    .map(([one, twin]) => [one, twin(one)] as const);
  return fc
    .array(pair, { minLength: count, maxLength: count })
    .map((pairs) => [...new Set(pairs.flat())].slice(0, count));
}

/** What every engine must take as an id; all else must be refused. */
export function isGoodId(id: string): boolean {
  return id !== "" && id.isWellFormed() && !id.includes("\0") && Buffer.byteLength(id) <= 255;
}

/** Harmless ones: of all lengths that ids have, of more, and such as grow when they are encoded. */
export const HARMLESS: readonly string[] = [
  ...Array.from({ length: 40 }, (_, i) => `${i}x`.padEnd(2 + i * 6, "y")),
  ...Array.from({ length: 6 }, (_, i) => `${i}long`.padEnd(256 << i, "z")),
  ...Array.from({ length: 10 }, (_, i) => `${i}lines`.padEnd(30 + i * 25, "\n")),
];
