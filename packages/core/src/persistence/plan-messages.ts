import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { copyCheckpoint, newCheckpointId, readOriginal } from "../saver/checkpoints.js";
import type { CheckpointTrees } from "../saver/records.js";
import { readTuple } from "../saver/tuples.js";
import type { Numbering } from "../state/list.js";
import { draftValue, finishValue } from "../state/manifest.js";
import { escapeKey, type Tree, type TreeObject } from "../state/tree.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import type { Core } from "./core.js";
import { isRebuilt, messagesOf } from "./messages.js";
import type { HeadColumns, Plan } from "./plan.js";
import { endOf, lastingNamespaces } from "./tombstone.js";

/** The conversation of the target, and nothing else: the next run begins at the first node. */
export async function planMessages(
  core: Core,
  target: StoredCheckpoint,
  columns: HeadColumns,
): Promise<Plan> {
  const original = await readOriginal(core.threads, target);
  const { sessionId, checkpoint } = target;
  const { v, versions } = original.state as { v: Tree; versions: TreeObject };
  const key = escapeKey(core.messagesKey);
  const values = await valuesOf(core, target, original.state as { values: TreeObject }, key);
  const id = newCheckpointId();
  const head = (numbering: Numbering): CheckpointTrees => ({
    ...copyCheckpoint(original, { ...columns, id, ns: "", parents: {}, nodePath: null }),
    parentId: checkpoint.ns === "" ? checkpoint.id : null,
    state: { v, values: values(numbering), versions: pick(versions, key), seen: {} },
  });
  const namespaces = await lastingNamespaces(core, sessionId);
  const ends = await Promise.all(
    namespaces.map((ns) => endOf(core, sessionId, ns, columns.createdAt)),
  );
  const others = ends.filter((end) => end !== undefined);
  return { head: { ns: "", id }, checkpoints: (numbering) => [...others, head(numbering)] };
}

/** What is rebuilt from ancestors has to be stored whole: the head has none. */
async function valuesOf(
  core: Core,
  target: StoredCheckpoint,
  { values }: { values: TreeObject },
  key: string,
): Promise<(numbering: Numbering) => TreeObject> {
  const { tuple } = await readTuple(core.threads, target);
  if (!isRebuilt(core, tuple.checkpoint)) return () => pick(values, key);
  const messages = await messagesOf(core, tuple.config, tuple.checkpoint);
  const { log } = core.thread(target.sessionId);
  const draft = draftValue(log, new DeltaSnapshot(messages), ["state", core.messagesKey]);
  return (numbering) => ({ [key]: finishValue(draft, numbering) });
}

const pick = (all: TreeObject, key: string): TreeObject =>
  key in all ? { [key]: all[key] as Tree } : {};
