import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointTuple,
  emptyCheckpoint,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import type { OpenSaver } from "./savers.js";
import type { State, States } from "./states.js";
import { uuid } from "./workload.js";

interface Step {
  readonly number: number;
  readonly state: State;
  readonly checkpoint: Checkpoint;
  readonly metadata: CheckpointMetadata;
  readonly newVersions: Record<string, number>;
}

/** Calls a saver as a run of a graph would, one superstep after the other. */
export class SaverThread {
  readonly opened: OpenSaver;
  readonly #saver: BaseCheckpointSaver;
  readonly #states: States;
  readonly #threadId: string;
  #config: RunnableConfig;
  #step = -1;
  #versions: Record<string, number> = {};
  #current!: Step;
  readonly #ahead: Step[] = [];

  constructor(opened: OpenSaver, states: States, threadId = "thread") {
    if (!opened.saver) throw new Error("there is no saver to call");
    this.opened = opened;
    this.#saver = opened.saver;
    this.#states = states;
    this.#threadId = threadId;
    this.#config = { configurable: { thread_id: threadId, checkpoint_ns: "" } };
  }

  /** Supersteps so far. */
  get steps(): number {
    return this.#step + 1 - this.#ahead.length;
  }

  /** Makes the checkpoints of so many supersteps, for `advance` to take. */
  prepare(count: number): void {
    for (let made = 0; made < count; made++) this.#ahead.push(this.#make());
  }

  /** Goes on to the next superstep's checkpoint. */
  advance(): void {
    this.#current = this.#ahead.shift() ?? this.#make();
  }

  #make(): Step {
    const step = ++this.#step;
    const state = this.#states(step);
    const channels = step === 0 ? Object.keys(state.values) : [state.changed[0]];
    const newVersions = Object.fromEntries(
      channels.map((channel) => [channel, this.#saver.getNextVersion(this.#versions[channel])]),
    );
    const seen = { ...this.#versions };
    this.#versions = { ...this.#versions, ...newVersions };
    const checkpoint: Checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(step),
      channel_values: state.values,
      channel_versions: this.#versions,
      versions_seen: { __input__: {}, node: seen },
    };
    const metadata: CheckpointMetadata = { source: "loop", step, parents: {} };
    return { number: step, state, checkpoint, metadata, newVersions };
  }

  async put(): Promise<void> {
    const { checkpoint, metadata, newVersions } = this.#current;
    this.#config = await this.#saver.put(this.#config, checkpoint, metadata, newVersions);
  }

  /** What the node wrote, and where it goes on to. */
  async putWrites(): Promise<void> {
    const { state, number } = this.#current;
    const [channel, write] = state.changed;
    const taskId = uuid(number);
    const path = "~__pregel_pull, node";
    await this.#saver.putWrites(
      this.#config,
      [
        [channel, write],
        ["branch:to:node", null],
      ],
      taskId,
      path,
    );
  }

  /** One superstep, untimed. */
  async superstep(): Promise<void> {
    this.advance();
    await this.put();
    await this.putWrites();
  }

  getTuple(): Promise<CheckpointTuple | undefined> {
    return this.#saver.getTuple({ configurable: { thread_id: this.#threadId } });
  }

  /** Reads so many checkpoints, newest first, and keeps none of them. */
  async list(limit: number, visit: (tuple: CheckpointTuple) => void = () => {}): Promise<void> {
    const config = { configurable: { thread_id: this.#threadId } };
    let count = 0;
    for await (const tuple of this.#saver.list(config, { limit })) {
      visit(tuple);
      count++;
    }
    if (count !== limit) throw new Error(`asked for ${limit} checkpoints, got ${count}`);
  }
}
