/** JSON on one line, whatever the value holds: what has no form there is told in words. */
export function jsonLine(value: unknown): string {
  const around: { original: unknown; shown: unknown }[] = [];
  const text = JSON.stringify(value, function (this: unknown, key: string, given: unknown) {
    const original = (this as Record<string, unknown>)[key];
    // Whoever is not around this value belongs to a branch that has been left.
    while (around.length > 0 && around.at(-1)?.shown !== this) around.pop();
    if (around.some((one) => one.original === original)) return "[circular]";
    const shown = plain(given);
    if (typeof shown === "object" && shown !== null) around.push({ original, shown });
    return shown;
  });
  return escaped(text ?? "null");
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  return value;
}

/** JSON leaves control characters above ASCII as they are; a terminal may obey them. */
export function escaped(text: string): string {
  return text.replace(/[\u007f-\u009f]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
}
