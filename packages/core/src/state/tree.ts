/**
 * A value as it is stored: JSON, in which everything that JSON lacks is an object with a single
 * tag, a key that begins with one `$`. A user's own key that begins with `$` gets one `$` more.
 *
 * | tag | stands for |
 * | --- | --- |
 * | `$undefined` | `undefined` |
 * | `$number` | `NaN`, `Infinity`, `-Infinity`, `-0` |
 * | `$bigint`, `$date`, `$url`, `$regexp` | what they say |
 * | `$map`, `$set`, `$bytes`, `$error`, `$sparse`, `$bare` | `[[k, v]…]`, `[v…]`, `[class, base64]`, `[class, [[name, v, hidden?]…]]`, `[length, [[i, v]…]]`, an object without prototype |
 * | `$message` | a LangChain message: `[class, fields, rest?]` |
 * | `$class` | an instance of an allowlisted class: `[name, fields, symbols?]` |
 * | `$def`, `$ref` | an object that occurs again (`[n, tree]`), and where it does (`n`) |
 * | `$item` | an item of the thread, by number |
 * | `$list` | an array with items in it, as segments, see `list.ts` |
 * | `$page` | a big object with items in it, by the number of the item that holds its tree |
 */
export type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

export type TreeObject = { [key: string]: Tree };

const DOLLAR = 36;

/** Assigns so that an own `__proto__` key stays an own key. */
export function assign(target: object, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  } else {
    (target as Record<string, unknown>)[key] = value;
  }
}

export function escapeKey(key: string): string {
  return key.charCodeAt(0) === DOLLAR ? `$${key}` : key;
}

export function unescapeKey(key: string): string {
  return key.charCodeAt(0) === DOLLAR ? key.slice(1) : key;
}

/** Whether the first key of a tree object is a tag. */
export function isTag(key: string): boolean {
  return key.charCodeAt(0) === DOLLAR && key.charCodeAt(1) !== DOLLAR;
}

/** The tag of a tree object, or `undefined` where it is a plain object. */
export function tagOf(tree: TreeObject): string | undefined {
  for (const key in tree) return isTag(key) ? key : undefined;
  return undefined;
}

/** Whether a tree stands for itself: no tag and no escaped key is in it. */
export function isPlainTree(tree: Tree): boolean {
  if (typeof tree !== "object" || tree === null) return true;
  if (Array.isArray(tree)) return tree.every(isPlainTree);
  for (const key in tree) {
    if (key.charCodeAt(0) === DOLLAR || !isPlainTree(tree[key] as Tree)) return false;
  }
  return true;
}

/** A fresh copy of a tree that stands for itself. */
export function copyTree(tree: Tree): Tree {
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) {
    const copy = tree.slice();
    for (let i = 0; i < copy.length; i += 1) {
      const part = copy[i] as Tree;
      if (typeof part === "object" && part !== null) copy[i] = copyTree(part);
    }
    return copy;
  }
  // Spreading copies all fields at once, an own `__proto__` too.
  const copy = { ...tree };
  for (const key in copy) {
    const part = copy[key] as Tree;
    if (typeof part === "object" && part !== null) assign(copy, key, copyTree(part));
  }
  return copy;
}
