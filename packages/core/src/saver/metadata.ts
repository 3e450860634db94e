import type { CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import type { ClassRegistry } from "../state/classes.js";
import { decodePlain, encodePlain } from "../state/plain.js";
import type { Tree, TreeObject } from "../state/tree.js";
import type { CheckpointRecord } from "../storage/storage.js";
import type { Threads } from "./threads.js";

type Columns = Pick<CheckpointRecord, "source" | "step"> & { readonly metadata: Tree };

/**
 * Metadata in its columns. `source` and `step` have columns of their own, so the text holds only
 * what comes behind them, which is how LangGraph writes it.
 */
export function writeMetadata(classes: ClassRegistry, metadata: unknown): Columns {
  const tree = encodePlain(classes, "metadata", metadata) as TreeObject;
  const source = isColumnText(tree?.source) ? tree.source : null;
  const step = Number.isSafeInteger(tree?.step) ? (tree.step as number) : null;
  const [first, second] = Object.keys(tree ?? {});
  if (source === null || step === null || first !== "source" || second !== "step") {
    return { source, step, metadata: tree };
  }
  const { source: _source, step: _step, ...rest } = tree;
  return { source, step, metadata: rest };
}

/** Whether every engine returns the text from a column exactly. */
function isColumnText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed() && !value.includes("\0");
}

/** A fresh copy of the metadata as it was put, with the paths of the nodes behind the checkpoint. */
export async function readMetadata(
  threads: Threads,
  classes: ClassRegistry,
  { source, step, metadata, nodePath }: CheckpointRecord,
): Promise<CheckpointMetadata> {
  const rest = (await threads.texts.read(metadata)) as TreeObject;
  const isWhole = source === null || step === null || Object.hasOwn(rest, "source");
  const tree = isWhole ? rest : { source, step, ...rest };
  const value = decodePlain(classes, tree);
  if (nodePath === null) return value as CheckpointMetadata;
  return {
    ...(value as CheckpointMetadata),
    nodePaths: JSON.parse(nodePath),
  } as CheckpointMetadata;
}
