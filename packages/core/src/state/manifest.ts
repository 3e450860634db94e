import type { Checkpoint } from "@langchain/langgraph-checkpoint";
import { mergeRanges, type Range, rangeSize } from "../storage/ranges.js";
import { type DecodeContext, Decoder } from "./decode.js";
import { type Draft, DraftEncoder, finishDocument, storedDraft } from "./draft.js";
import { Encoder } from "./encode.js";
import { type Item, Owners } from "./item.js";
import type { ItemLog } from "./item-log.js";
import type { Numbering, Segment } from "./list.js";
import { namedItems } from "./named.js";
import { assign, copyTree, escapeKey, type Tree, type TreeObject, unescapeKey } from "./tree.js";

/** A checkpoint as it was at the moment of `put`, before its items have numbers. */
export interface CheckpointDraft {
  readonly fixed: TreeObject;
  readonly values: readonly (readonly [channel: string, Draft])[];
}

/**
 * The `state` column: how the channel values are put together. `ts` stands there only where the
 * row's time does not tell it.
 */
interface Manifest {
  v: Tree;
  ts?: Tree;
  values: TreeObject;
  versions: Tree;
  seen: Tree;
}

/** Encodes one value that stands alone, such as a pending write. */
export function draftValue(log: ItemLog, value: unknown, path: (string | number)[]): Draft {
  const owners = new Owners();
  try {
    return new DraftEncoder(log, owners, path).encode(value) as Draft;
  } finally {
    owners.release();
  }
}

/** Values that were read, and the manifest that they were read from. */
export interface ReadValues {
  readonly values: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, unknown>>;
  readonly state: Tree;
}

/** What need not be copied out of a checkpoint again. */
export interface KnownValues {
  /**
   * What was read before: objects that are still the same, of channels that still have the same
   * version, are certain to be as they were.
   */
  readonly unchanged?: ReadValues | undefined;
  /** Copies of this very checkpoint's values, made when its nodes began. */
  readonly copied?: ReadonlyMap<object, Draft> | undefined;
}

/** Copies everything out of a live checkpoint, synchronously. */
export function draftCheckpoint(
  log: ItemLog,
  checkpoint: Checkpoint,
  known: KnownValues = {},
): CheckpointDraft {
  const plain = (value: unknown, name: string) =>
    new Encoder(log.classes, [name]).encode(value) as Tree;
  return {
    fixed: {
      v: plain(checkpoint.v, "v"),
      ...(timeOf(checkpoint.ts) === undefined ? { ts: plain(checkpoint.ts, "ts") } : {}),
      versions: plain(checkpoint.channel_versions ?? {}, "channel_versions"),
      seen: plain(checkpoint.versions_seen ?? {}, "versions_seen"),
    },
    values: draftValues(log, checkpoint, known),
  };
}

function draftValues(
  log: ItemLog,
  { channel_values: values = {}, channel_versions: versions = {} }: Checkpoint,
  { unchanged, copied }: KnownValues,
): [string, Draft][] {
  const owners = new Owners();
  const stored = unchanged && (unchanged.state as unknown as Manifest).values;
  try {
    return Object.keys(values).map((channel) => {
      const value = values[channel];
      const tree = stored?.[escapeKey(channel)];
      const isUnchanged =
        tree !== undefined &&
        typeof value === "object" &&
        value === unchanged?.values[channel] &&
        versions[channel] === unchanged.versions[channel];
      const draft = isUnchanged ? storedDraft(log, tree) : copied?.get(value as object);
      if (draft !== undefined) return [channel, draft];
      const encoder = new DraftEncoder(log, owners, ["state", channel]);
      return [channel, encoder.encode(value) as Draft];
    });
  } finally {
    owners.release();
  }
}

/** @param dropped channels whose values are not the checkpoint's to store */
export function finishCheckpoint(
  draft: CheckpointDraft,
  numbering: Numbering,
  dropped: ReadonlySet<string>,
): Tree {
  const values: TreeObject = {};
  for (const [channel, value] of draft.values) {
    if (dropped.has(channel)) continue;
    assign(values, escapeKey(channel), finishDocument(value, numbering));
  }
  const { versions, seen, ...first } = draft.fixed;
  return { ...first, values, versions, seen } as TreeObject;
}

/** Milliseconds, where the text is exactly the ISO form of them. */
export function timeOf(ts: unknown): number | undefined {
  const time = typeof ts === "string" ? Date.parse(ts) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString() === ts ? time : undefined;
}

export { finishDocument as finishValue };

/** Makes fresh values of trees whose items are all held by the log. */
export class Reader implements DecodeContext {
  readonly classes;
  readonly #log: ItemLog;
  readonly #held: ReadonlyMap<number, Item>;
  readonly #decoder = new Decoder(this);
  /** Only where an item stands twice: it is then one object, as it was. */
  readonly #once: Map<number, unknown> | undefined;

  constructor(log: ItemLog, held: ReadonlyMap<number, Item>, trees: readonly Tree[]) {
    this.classes = log.classes;
    this.#log = log;
    this.#held = held;
    const named = namedItems(trees);
    const repeats = rangeSize(named) > rangeSize(mergeRanges(named)) || this.#hasPages(named);
    this.#once = repeats ? new Map() : undefined;
  }

  #hasPages(named: readonly Range[]): boolean {
    return named.some(([first, last]) => first === last && this.#find(first)?.kind === "page");
  }

  read(tree: Tree): unknown {
    return new Decoder(this).decode(tree);
  }

  /** Reads a tree that shares no object with what is read otherwise, whatever items it names. */
  readApart(tree: Tree): unknown {
    return new Reader(this.#log, this.#held, [tree]).read(tree);
  }

  /** @param row where the checkpoint's id and time stand */
  readCheckpoint(tree: Tree, row: { readonly id: string; readonly createdAt: number }): Checkpoint {
    const { v, ts, values, versions, seen } = tree as unknown as Manifest;
    const channel_values: Record<string, unknown> = {};
    for (const key of Object.keys(values)) {
      assign(channel_values, unescapeKey(key), this.read(values[key] as Tree));
    }
    return {
      v: this.read(v) as number,
      id: row.id,
      ts: ts === undefined ? new Date(row.createdAt).toISOString() : (this.read(ts) as string),
      channel_values,
      channel_versions: this.read(versions) as Checkpoint["channel_versions"],
      versions_seen: this.read(seen) as Checkpoint["versions_seen"],
    };
  }

  item(seq: number): unknown {
    if (this.#once?.has(seq)) return this.#once.get(seq);
    const item = this.#find(seq);
    if (item === undefined) throw new TypeError(`item ${seq} is missing`);
    const value = this.#fresh(item);
    this.#once?.set(seq, value);
    return value;
  }

  #fresh(item: Item): unknown {
    if (item.kind === "text") return item.tree;
    const value = item.kind === "message" ? this.#message(item) : this.#value(item);
    if (typeof value === "object" && value !== null) this.#log.adopt(value, item);
    return value;
  }

  #value(item: Item): unknown {
    return item.isPlain ? copyTree(item.tree) : new Decoder(this).decode(item.tree);
  }

  #message({ snapshot }: Item): object {
    // References reach as far as their document, so a message with some has a decoder of its own.
    const decoder = snapshot.isShared ? new Decoder(this) : this.#decoder;
    return decoder.message(snapshot);
  }

  page(seq: number): Tree {
    const page = this.#find(seq);
    if (page?.kind !== "page") throw new TypeError(`page ${seq} is missing`);
    return page.tree;
  }

  list(segments: Tree[], into: unknown[], decode: (tree: Tree) => unknown): void {
    for (const segment of segments as unknown as Segment[]) {
      if (!Array.isArray(segment)) {
        for (const tree of segment.v) into.push(decode(tree));
      } else if (segment.length === 1) {
        this.list(this.page(segment[0]) as Tree[], into, decode);
      } else {
        const [first, count] = segment;
        for (let seq = first; seq < first + count; seq += 1) into.push(this.item(seq));
      }
    }
  }

  #find(seq: number): Item | undefined {
    return this.#held.get(seq) ?? this.#log.get(seq);
  }
}

/** The channels of a manifest that have a value, with their versions. */
export function storedChannels(tree: Tree): { values: string[]; versions: Record<string, Tree> } {
  const manifest = tree as unknown as Manifest;
  return {
    values: Object.keys(manifest.values).map(unescapeKey),
    versions: Object.fromEntries(
      Object.entries(manifest.versions as TreeObject).map(([key, v]) => [unescapeKey(key), v]),
    ),
  };
}
