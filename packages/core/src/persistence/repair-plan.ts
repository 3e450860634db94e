import { randomUUID } from "node:crypto";
import { type BaseMessage, isBaseMessage } from "@langchain/core/messages";
import { messagesStateReducer } from "@langchain/langgraph";
import {
  type Checkpoint,
  DeltaSnapshot,
  isDeltaSnapshot,
  maxChannelVersion,
} from "@langchain/langgraph-checkpoint";
import {
  answeredBy,
  type DanglingCall,
  danglingCalls,
  interruptedResult,
  withResults,
} from "../history/tool-calls.js";
import { isInternal } from "../nodes/paths.js";
import { Moved } from "../saver/admission.js";
import {
  addCheckpoints,
  copyCheckpoint,
  newCheckpointId,
  type Original,
  readOriginal,
} from "../saver/checkpoints.js";
import type { CheckpointTrees } from "../saver/records.js";
import { readTuple } from "../saver/tuples.js";
import { nextVersion } from "../saver/versions.js";
import type { Numbering } from "../state/list.js";
import { draftValue, finishValue } from "../state/manifest.js";
import { escapeKey, type Tree, type TreeObject, unescapeKey } from "../state/tree.js";
import type { Guard, StoredCheckpoint } from "../storage/storage.js";
import type { Core } from "./core.js";
import { isRebuilt, messagesOf } from "./messages.js";
import { encodeNotes } from "./notes.js";

/** A conversation, and the calls in it that have no result. */
export interface Conversation {
  readonly base: StoredCheckpoint;
  readonly checkpoint: Checkpoint;
  readonly messages: readonly BaseMessage[];
  readonly dangling: readonly DanglingCall[];
  /** Results of tools that had ended when the run was cut off, by the ids of their calls. */
  readonly finished: ReadonlyMap<string, BaseMessage>;
}

export async function readConversation(core: Core, base: StoredCheckpoint): Promise<Conversation> {
  const { tuple } = await readTuple(core.threads, base);
  const { checkpoint, config, pendingWrites = [] } = tuple;
  const listed: unknown[] = await messagesOf(core, config, checkpoint);
  const messages = listed.filter((element) => isBaseMessage(element));
  const finished = new Map<string, BaseMessage>();
  for (const [, channel, value] of pendingWrites) {
    if (channel !== core.messagesKey) continue;
    for (const message of [value].flat()) {
      const id = isBaseMessage(message) ? answeredBy(message) : undefined;
      if (id !== undefined) finished.set(id, message as BaseMessage);
    }
  }
  // A list that holds something else is none that a model is given.
  const dangling = messages.length === listed.length ? danglingCalls(messages) : [];
  return { base, checkpoint, messages, dangling, finished };
}

/**
 * Stores the conversation with a result for every call, and nothing that runs next.
 * @param guard what the conversation was read at
 * @throws Moved where anybody has written since: it may have been a question to a human
 */
export async function storeMended(
  core: Core,
  operation: string,
  conversation: Conversation,
  guard: Guard,
): Promise<void> {
  const { base, finished } = conversation;
  const { sessionId } = base;
  const thread = core.thread(sessionId);
  const original = await readOriginal(core.threads, base);
  const messages = withResults(conversation.messages, conversation.dangling, ({ call }) => {
    const result = finished.get(call.id) ?? interruptedResult(call, randomUUID());
    return messagesStateReducer([], [result])[0] as BaseMessage;
  });
  const state = stateWith(core, conversation, original, messages);
  const properties = encodeNotes(core, sessionId, {
    properties: { repaired: conversation.dangling.map(({ call }) => call.id) },
  });
  const columns = { id: newCheckpointId(), nodePath: null, properties, createdAt: core.clock() };
  await addCheckpoints(thread, {
    name: operation,
    run: undefined,
    era: guard,
    atVersion: guard.nextVersion,
    fences: true,
    exact: true,
    checkpoints: (numbering): CheckpointTrees[] => {
      if (thread.guard?.token !== guard.token) throw new Moved(operation, sessionId);
      return [{ ...copyCheckpoint(original, columns), state: state(numbering) }];
    },
  });
}

/** The state as it is, but for the conversation, and without what would make a node run next. */
function stateWith(
  core: Core,
  { base, checkpoint }: Conversation,
  original: Original,
  messages: readonly BaseMessage[],
): (numbering: Numbering) => TreeObject {
  const { messagesKey } = core;
  const key = escapeKey(messagesKey);
  const { v, values, versions, seen } = original.state as Record<string, TreeObject>;
  const isDelta =
    isRebuilt(core, checkpoint) || isDeltaSnapshot(checkpoint.channel_values[messagesKey]);
  const value = isDelta ? new DeltaSnapshot([...messages]) : messages;
  const draft = draftValue(core.thread(base.sessionId).log, value, ["state", messagesKey]);
  const kept = Object.entries(values as TreeObject).filter(
    ([name]) => !isInternal(unescapeKey(name)),
  );
  const given = Object.values(checkpoint.channel_versions) as number[];
  const version = nextVersion(maxChannelVersion(...given) as number | undefined);
  return (numbering) => ({
    v: v as Tree,
    values: { ...Object.fromEntries(kept), [key]: finishValue(draft, numbering) },
    versions: { ...versions, [key]: version },
    seen: seen as Tree,
  });
}
