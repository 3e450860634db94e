import type { Range } from "../storage/ranges.js";
import type { Segment } from "./list.js";
import type { Tree } from "./tree.js";

/** All items that trees name: pages included, what the pages name not. */
export function namedItems(trees: Iterable<Tree>): Range[] {
  const ranges: Range[] = [];
  for (const tree of trees) collect(tree, ranges);
  return ranges;
}

/** The items that a page names. */
export function namedInPage(page: Tree): Range[] {
  if (!Array.isArray(page)) return namedItems([page]);
  const ranges: Range[] = [];
  collectList(page as unknown as Segment[], ranges);
  return ranges;
}

function collect(tree: Tree, into: Range[]): void {
  if (typeof tree !== "object" || tree === null) return;
  if (Array.isArray(tree)) {
    for (const part of tree) collect(part, into);
    return;
  }
  for (const key in tree) {
    const part = tree[key] as Tree;
    if (key === "$item" || key === "$page") into.push([part as number, part as number]);
    else if (key === "$list") collectList(part as unknown as Segment[], into);
    else collect(part, into);
  }
}

function collectList(segments: readonly Segment[], into: Range[]): void {
  for (const segment of segments) {
    if (!Array.isArray(segment)) {
      collect(segment.v, into);
      continue;
    }
    const [first, count = 1] = segment;
    into.push([first, first + count - 1]);
  }
}
