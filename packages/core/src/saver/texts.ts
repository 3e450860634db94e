import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";
import type { Tree } from "../state/tree.js";

/** Between trees and the text columns. */
export interface Texts {
  write(tree: Tree): string | Promise<string>;
  read(text: string): Tree | Promise<Tree>;
}

export const JSON_TEXTS: Texts = {
  write: (tree) => JSON.stringify(tree),
  read: parseText,
};

function parseText(text: string): Tree {
  try {
    return JSON.parse(text) as Tree;
  } catch (cause) {
    throw new StorageError("CORRUPT", "read", "a stored text is not JSON", { cause });
  }
}

/**
 * Sends every stored text through a user's own serializer (for encryption or compression, say).
 * It gets plain JSON data; a text is then `"type:base64"`, still one JSON string.
 */
export function textsOf(serde: SerializerProtocol): Texts {
  return {
    async write(tree) {
      const [type, bytes] = await serde.dumpsTyped(tree);
      return JSON.stringify(`${type}:${Buffer.from(bytes).toString("base64")}`);
    },
    async read(text) {
      const sealed = parseText(text);
      if (typeof sealed !== "string") {
        throw new StorageError(
          "CORRUPT",
          "read",
          "a stored text did not go through the serializer",
        );
      }
      const at = sealed.indexOf(":");
      const bytes = Uint8Array.from(Buffer.from(sealed.slice(at + 1), "base64"));
      return (await serde.loadsTyped(sealed.slice(0, at), bytes)) as Tree;
    },
  };
}
