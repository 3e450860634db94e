import { isCommand } from "@langchain/langgraph";
import type { Draft } from "../state/draft.js";
import type { ItemLog } from "../state/item-log.js";
import type { Numbering } from "../state/list.js";
import { finishValue } from "../state/manifest.js";
import type { Tree } from "../state/tree.js";
import type { NodeRunRecord } from "../storage/storage.js";
import {
  type Copy,
  copyValue,
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
  #wrapping: "no" | "maybe" | "yes" = "no";
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
    this.#wrapping = wrappingOf(output, this.begin.kind);
    this.#output = copyValue(log, output, ["output"]);
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
   * @param place the checkpoint that the node read; of a graph without checkpoints, that of the node
   * around it
   * @param channels what the node may have written to, where it is known
   */
  record(
    { ns, checkpointId }: { readonly ns: string; readonly checkpointId: string },
    frame: Frame | undefined,
    channels: ReadonlySet<string> | undefined,
    numbering: Numbering,
  ): NodeRunTrees {
    return {
      ...this.begin,
      ns,
      checkpointId,
      status: this.#status as Status,
      learnt: "observed",
      input: this.#input.tree(checkpointId, frame, numbering) as Tree,
      output: this.#outputTree(channels, numbering),
      error: this.#error,
      endedAt: this.#endedAt,
    };
  }

  #outputTree(channels: ReadonlySet<string> | undefined, numbering: Numbering): Tree | undefined {
    const copy = this.#output;
    if (copy === undefined) return undefined;
    if ("refused" in copy) return ["refused", copy.refused] as InputTree as Tree;
    const hasNoChannel = channels !== undefined && !channels.has("output");
    const unwraps = this.#wrapping === "yes" || (this.#wrapping === "maybe" && hasNoChannel);
    const draft = unwraps ? (copy.draft as { output: Draft }).output : copy.draft;
    return draft === undefined || isUndefined(draft)
      ? undefined
      : ["value", finishValue(draft, numbering)];
  }
}

/**
 * LangChain puts what is no object into a field `output`; but a channel may have this name, too. Nodes of
 * state graphs return objects, nothing, or lists of commands.
 */
function wrappingOf(output: unknown, kind: NodeRunRecord["kind"]): "no" | "maybe" | "yes" {
  if (!isRecord(output) || Object.keys(output).join() !== "output") return "no";
  const { output: value } = output;
  if (isRecord(value)) return "no";
  if (value === undefined || value === null || kind === "task") return "yes";
  return Array.isArray(value) && value.some((one) => isCommand(one)) ? "yes" : "maybe";
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
