import { TASKS } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";
import type { Draft } from "../state/draft.js";
import type { ItemLog } from "../state/item-log.js";
import type { Numbering } from "../state/list.js";
import { draftValue, finishValue } from "../state/manifest.js";
import { assign, escapeKey, type Tree } from "../state/tree.js";
import { isInternal } from "./paths.js";

/** A checkpoint as a run read or put it. */
export interface Frame {
  readonly checkpointId: string;
  readonly step: number | undefined;
  readonly values: Readonly<Record<string, unknown>>;
}

export type NodeKind = "pull" | "push" | "task";

/**
 * The `input` of a node run, as a tree: where it stands, or what it was. `state`: all channels of
 * the checkpoint that the node read, or those named; `send`: the arguments of one of its `Send`s;
 * `fields`: an object, each of whose fields is a document of its own.
 */
export type InputTree =
  | ["state", ...string[]]
  | ["send", number]
  | ["fields" | "value", Tree]
  | ["refused", string];

/** A copy of a value that cannot change any more; a value without an exact form says why. */
export type Copy = { readonly draft: Draft } | { readonly refused: string };

export function copyValue(log: ItemLog, value: unknown, path: (string | number)[]): Copy {
  try {
    return { draft: draftValue(log, value, path) };
  } catch (error) {
    if (error instanceof StorageError) return { refused: error.detail };
    throw error;
  }
}

/** What a node was given, at the moment it began. */
export class NodeInput {
  readonly #kind: NodeKind;
  readonly #index: number | undefined;
  readonly #whole: unknown;
  /** The input's fields by identity; a node may replace them. */
  readonly #fields: Readonly<Record<string, unknown>> | undefined;
  readonly #log: ItemLog;
  readonly #found: { readonly checkpointId: string; readonly tree: InputTree } | undefined;
  #copy: Copy | undefined;

  /**
   * @param given as LangChain's callbacks show it: what is no object stands in a field `input`
   * @param frame the checkpoint that the node read, if it is known already
   * @param copied learns which copies were made of which objects
   */
  constructor(
    log: ItemLog,
    kind: NodeKind,
    index: number | undefined,
    given: unknown,
    frame: Frame | undefined,
    copied: Map<object, Draft>,
  ) {
    this.#log = log;
    this.#kind = kind;
    this.#index = index;
    this.#whole = kind === "task" ? unwrapped(given) : given;
    this.#fields = isRecord(this.#whole) ? { ...this.#whole } : undefined;
    const tree = frame && this.#reference(frame);
    if (frame !== undefined && tree !== undefined) {
      this.#found = { checkpointId: frame.checkpointId, tree };
    } else {
      this.#copy = this.#take(copied);
    }
  }

  get given(): unknown {
    return this.#whole;
  }

  /**
   * @param checkpointId what the node read
   * @param frame the same, if it is stored or about to be
   */
  tree(checkpointId: string, frame: Frame | undefined, numbering: Numbering): InputTree {
    if (this.#found?.checkpointId === checkpointId) return this.#found.tree;
    const reference = frame && this.#reference(frame);
    if (reference !== undefined) return reference;
    this.#copy ??= this.#take(new Map());
    const copy = this.#copy;
    if ("refused" in copy) return ["refused", copy.refused];
    const tree = finishValue(copy.draft, numbering);
    return [this.#fields === undefined ? "value" : "fields", tree];
  }

  #take(copied: Map<object, Draft>): Copy {
    return this.#fields === undefined
      ? copyValue(this.#log, this.#whole, ["input"])
      : copyFields(this.#log, this.#fields, copied);
  }

  #reference({ values }: Frame): InputTree | undefined {
    if (this.#kind === "task") return undefined;
    if (this.#kind === "push") {
      const sends = values[TASKS] as { args?: unknown }[] | undefined;
      const index = this.#index as number;
      return sends?.[index] === undefined ? undefined : ["send", index];
    }
    if ("__start__" in values) {
      const start = values.__start__;
      return start === this.#whole || start === unwrapped(this.#whole) ? ["state"] : undefined;
    }
    return this.#fields && channelsOf(this.#fields, values);
  }
}

/** The channels that the fields are, if they are nothing else. */
function channelsOf(
  fields: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
): InputTree | undefined {
  const names = Object.keys(fields);
  if (names.some((name) => !Object.hasOwn(values, name) || !Object.is(fields[name], values[name])))
    return undefined;
  const all = Object.keys(values).filter((name) => !isInternal(name));
  const isAll = names.length === all.length && all.every((name) => Object.hasOwn(fields, name));
  return isAll ? ["state"] : ["state", ...names];
}

function copyFields(
  log: ItemLog,
  fields: Readonly<Record<string, unknown>>,
  copied: Map<object, Draft>,
): Copy {
  const drafts: { [key: string]: Draft } = {};
  for (const [name, value] of Object.entries(fields)) {
    const copy = copyValue(log, value, ["input", name]);
    if ("refused" in copy) return copy;
    if (typeof value === "object" && value !== null) copied.set(value, copy.draft);
    assign(drafts, escapeKey(name), copy.draft);
  }
  return { draft: drafts };
}

function unwrapped(given: unknown): unknown {
  const [only, ...others] = isRecord(given) ? Object.keys(given) : [];
  return only === "input" && others.length === 0 ? (given as { input: unknown }).input : given;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What a node gets of a state: the named channels, or all of them, or what the graph itself got. */
export function inputFrom(
  state: Readonly<Record<string, unknown>>,
  names: readonly string[] = [],
): unknown {
  if ("__start__" in state) return state.__start__;
  const wanted = names.length > 0 ? names : Object.keys(state).filter((name) => !isInternal(name));
  return Object.fromEntries(wanted.map((name) => [name, state[name]]));
}
