import { StorageError } from "../errors.js";
import { describe, invalid } from "../storage/ids.js";

/** A text in pieces, wherever they are cut: a file's stream, a list of strings, or all at once. */
export type TextSource =
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>
  | string
  | Uint8Array;

export function corrupt(operation: string, message: string, cause?: unknown): StorageError {
  return new StorageError("CORRUPT", operation, message, cause === undefined ? {} : { cause });
}

/**
 * The lines of a text in UTF-8, without their ends.
 * @throws StorageError `CORRUPT` where it is no UTF-8, or its last line has no end; `INVALID_ARGUMENT` for
 * what is no text
 */
export async function* linesOf(operation: string, source: TextSource): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw corrupt(operation, "the text is no UTF-8", cause);
    }
  };
  let begun: string[] = [];
  for await (const chunk of piecesOf(operation, source)) {
    // A character may be cut in two between two pieces, but not between bytes and a string.
    const text = typeof chunk === "string" ? decode() + chunk : decode(chunk);
    const [first, ...others] = text.split("\n");
    begun.push(first as string);
    for (const next of others) {
      yield begun.join("");
      begun = [next];
    }
  }
  decode();
  if (begun.some((part) => part !== "")) {
    throw corrupt(operation, "the text ends in the middle of a line");
  }
}

async function* piecesOf(
  operation: string,
  source: unknown,
): AsyncGenerator<string | Uint8Array, void, undefined> {
  const isOne = typeof source === "string" || source instanceof Uint8Array;
  const pieces = isOne ? [source] : source;
  if (!isIterable(pieces)) {
    throw invalid(operation, `the source must be a stream of text, not ${describe(source)}`);
  }
  for await (const piece of pieces) {
    if (typeof piece !== "string" && !(piece instanceof Uint8Array)) {
      throw invalid(operation, `the source gave ${describe(piece)} instead of text or bytes`);
    }
    yield piece;
  }
}

function isIterable(source: unknown): source is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof source !== "object" || source === null) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}
