import type { ClassRegistry } from "./classes.js";
import { type DecodeContext, Decoder } from "./decode.js";
import { Encoder } from "./encode.js";
import { isPlainTree, type Tree } from "./tree.js";

/**
 * A document that names no items: it stays readable whatever is pruned.
 * @throws StorageError `NOT_SERIALIZABLE` naming the path
 */
export function encodePlain(classes: ClassRegistry, name: string, value: unknown): Tree {
  return new Encoder(classes, [name]).encode(value) as Tree;
}

/** May return parts of the tree itself. */
export function decodePlain(classes: ClassRegistry, tree: Tree): unknown {
  return isPlainTree(tree) ? tree : new Decoder(withoutItems(classes)).decode(tree);
}

function withoutItems(classes: ClassRegistry): DecodeContext {
  const refuse = () => {
    throw new TypeError("a plain document names an item");
  };
  return { classes, item: refuse, page: refuse, list: refuse };
}
