import type { Draft } from "../state/draft.js";
import type { ItemLog } from "../state/item-log.js";
import type { Numbering } from "../state/list.js";
import { finishValue } from "../state/manifest.js";
import type { Tree } from "../state/tree.js";
import type { NodeRunRecord } from "../storage/storage.js";
import {
  type Copy,
  copyOf,
  type Frame,
  type InputTree,
  isRecord,
  type NodeInput,
} from "./input.js";

type Status = NodeRunRecord["status"];

/** A node run whose texts are still trees. */
export type NodeRunTrees = Omit<NodeRunRecord, "input" | "output" | "error"> & {
  readonly input: Tree;
  readonly output: Tree | undefined;
  readonly error: Tree | undefined;
};

/** What is known of an execution when it begins. */
export interface Begin {
  readonly ns: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly nodePath: string;
  readonly step: number | null;
  readonly kind: NodeRunRecord["kind"];
  readonly startedAt: number;
}

/** One execution of a node that a callback saw. */
export class Execution {
  readonly begin: Begin;
  readonly #input: NodeInput;
  #status: Status | undefined;
  #output: Copy | undefined;
  /** LangChain puts what is no object into a field `output`. */
  #isWrapped = false;
  #error: Tree | undefined;
  #endedAt = 0;

  constructor(begin: Begin, input: NodeInput) {
    this.begin = begin;
    this.#input = input;
  }

  get given(): { readonly input: unknown } {
    return { input: this.#input.given };
  }

  get isOpen(): boolean {
    return this.#status === undefined;
  }

  get status(): Status | undefined {
    return this.#status;
  }

  succeed(log: ItemLog, output: unknown, at: number): void {
    this.#close("ok", at);
    this.#isWrapped = isRecord(output) && Object.keys(output).join() === "output";
    this.#output = copyOf(log, output, ["output"]);
  }

  fail(status: "error" | "interrupted", error: unknown, at: number): void {
    this.#close(status, at);
    if (status === "error") this.#error = errorTree(error);
  }

  #close(status: Status, at: number): void {
    this.#status = status;
    this.#endedAt = at;
  }

  /**
   * @param checkpointId what the node read
   * @param channels what the node wrote to, where it is known
   */
  record(
    checkpointId: string,
    frame: Frame | undefined,
    channels: ReadonlySet<string>,
    numbering: Numbering,
  ): NodeRunTrees {
    return {
      ...this.begin,
      checkpointId,
      status: this.#status as Status,
      learnt: "observed",
      input: this.#input.tree(checkpointId, frame, numbering) as Tree,
      output: this.#outputTree(channels, numbering),
      error: this.#error,
      endedAt: this.#endedAt,
    };
  }

  #outputTree(channels: ReadonlySet<string>, numbering: Numbering): Tree | undefined {
    const copy = this.#output;
    if (copy === undefined) return undefined;
    if ("refused" in copy) return ["refused", copy.refused] as InputTree as Tree;
    const unwraps = this.#isWrapped && !channels.has("output");
    const draft = unwraps ? (copy.draft as { output: Draft }).output : copy.draft;
    return draft === undefined || isUndefined(draft)
      ? undefined
      : ["value", finishValue(draft, numbering)];
  }
}

/** The tree of `undefined`, which a node that returns nothing leaves. */
function isUndefined(draft: Draft): boolean {
  return typeof draft === "object" && draft !== null && "$undefined" in draft;
}

/** Name and message, as LangGraph itself stores an error. */
export function errorTree(error: unknown): Tree {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  return {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : String(error),
  };
}
