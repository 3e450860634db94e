import type { Item } from "./item.js";
import type { Tree } from "./tree.js";

/**
 * A stored list is a row of segments:
 *
 * - `[first, count]`: that many items of the thread, one after the other;
 * - `[seq]`: a page, an item that holds segments itself;
 * - `{ "v": [...] }`: small elements, as they are.
 *
 * A list of 2,000 messages is one segment. A list that does not fit `INLINE_CHARS` is cut into
 * pages at places that its content decides, so that after an append or an edit nearly all pages
 * are the ones that are stored already.
 */
export type Segment = [number, number] | [number] | { v: Tree[] };

export const INLINE_CHARS = 1024;
const PAGE_MIN_CHARS = 256;
const PAGE_MAX_CHARS = 2048;

/** Gives out item numbers while a batch is put together. */
export interface Numbering {
  seq(item: Item): number;
  /** The item of a page with this text: the stored one, or a new one. */
  page(text: string, tree: Tree): Item;
}

export class SegmentBuilder {
  readonly segments: Segment[] = [];
  #last: Segment | undefined;
  #inline = 0;

  item(seq: number): void {
    const last = this.#last;
    if (Array.isArray(last) && last.length === 2 && last[0] + last[1] === seq) last[1] += 1;
    else this.#push([seq, 1]);
  }

  page(seq: number): void {
    this.#push([seq]);
  }

  value(tree: Tree): void {
    this.#inline += 1;
    const last = this.#last;
    if (last !== undefined && !Array.isArray(last)) last.v.push(tree);
    else this.#push({ v: [tree] });
  }

  add(segment: Segment): void {
    if (Array.isArray(segment)) this.#push([...segment]);
    else for (const tree of segment.v) this.value(tree);
  }

  /** Whether the text is certain to be short, without writing it. */
  get isShort(): boolean {
    return this.#inline === 0 && this.segments.length <= 32;
  }

  #push(segment: Segment): void {
    this.segments.push(segment);
    this.#last = segment;
  }
}

/** Moves the beginning of a long list into pages until the rest is short. */
export function seal(builder: SegmentBuilder, numbering: Numbering): Segment[] {
  let current = builder;
  while (!current.isShort && JSON.stringify(current.segments).length > INLINE_CHARS) {
    const next = paginate(current.segments, numbering);
    if (next === undefined) break;
    current = next;
  }
  return current.segments;
}

/** `undefined` where no page could be cut off. */
function paginate(segments: Segment[], numbering: Numbering): SegmentBuilder | undefined {
  const out = new SegmentBuilder();
  let pages = 0;
  let page = new SegmentBuilder();
  let size = 0;
  for (const atom of atoms(segments)) {
    const text = JSON.stringify(atom);
    page.add(atom);
    size += text.length;
    if (size >= PAGE_MAX_CHARS || (size >= PAGE_MIN_CHARS && isCut(text))) {
      out.page(
        numbering.seq(
          numbering.page(JSON.stringify(page.segments), page.segments as unknown as Tree),
        ),
      );
      pages += 1;
      page = new SegmentBuilder();
      size = 0;
    }
  }
  for (const segment of page.segments) out.add(segment);
  return pages > 0 ? out : undefined;
}

function* atoms(segments: Segment[]): Generator<Segment> {
  for (const segment of segments) {
    if (Array.isArray(segment)) yield segment;
    else for (const tree of segment.v) yield { v: [tree] };
  }
}

/** One text in eight, by its FNV-1a hash. */
function isCut(text: string): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return ((hash >>> 16) & 7) === 0;
}
