import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { messagesDeltaReducer } from "@langchain/langgraph";
import { type Checkpoint, isDeltaSnapshot } from "@langchain/langgraph-checkpoint";
import type { Core } from "./core.js";

/**
 * The conversation of a checkpoint. Where its channel is a DeltaChannel, it is rebuilt from what was
 * written, by LangGraph's own reducer of messages.
 */
export async function messagesOf(
  core: Core,
  config: RunnableConfig,
  { channel_values, channel_versions }: Checkpoint,
): Promise<BaseMessage[]> {
  const { messagesKey } = core;
  if (messagesKey in channel_values) return listOf(channel_values[messagesKey]);
  if (channel_versions[messagesKey] === undefined) return [];
  return rebuilt(core, config);
}

/** Whether a checkpoint has a conversation whose value stands elsewhere. */
export function isRebuilt(core: Core, { channel_values, channel_versions }: Checkpoint): boolean {
  const { messagesKey } = core;
  return !(messagesKey in channel_values) && channel_versions[messagesKey] !== undefined;
}

async function rebuilt(core: Core, config: RunnableConfig): Promise<BaseMessage[]> {
  const { messagesKey } = core;
  const found = await core.saver.getDeltaChannelHistory({ config, channels: [messagesKey] });
  const { seed, writes = [] } = found[messagesKey] ?? {};
  const written = writes.map(([, , value]) => value) as Parameters<typeof messagesDeltaReducer>[1];
  return messagesDeltaReducer(listOf(seed), written) as BaseMessage[];
}

function listOf(value: unknown): BaseMessage[] {
  const list = isDeltaSnapshot(value) ? value.value : value;
  return Array.isArray(list) ? list : [];
}
