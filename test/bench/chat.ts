import type { BaseMessage } from "@langchain/core/messages";
import type { OpenSaver } from "./savers.js";
import { type ChatGraph, chatGraph, messagesOf, question } from "./workload.js";

const config = { configurable: { thread_id: "chat" } };

/** A chat that is held turn by turn under one saver. */
export class Chat {
  readonly saver: OpenSaver;
  readonly #graph: ChatGraph;
  #turns: number;
  /** Without a saver the caller carries the history. */
  #carried: BaseMessage[] = [];

  /** `turns`: how many the database already holds. */
  constructor(saver: OpenSaver, turns = 0, graph = chatGraph(saver.saver)) {
    this.saver = saver;
    this.#graph = graph;
    this.#turns = turns;
  }

  /** Turns so far. */
  get turns(): number {
    return this.#turns;
  }

  /** Begins the chat with so many turns, written by one update of the state. */
  async seed(turns: number): Promise<void> {
    this.#turns = turns;
    if (turns === 0) return;
    const messages = messagesOf(turns);
    if (this.saver.saver) await this.#graph.updateState(config, { messages }, "model");
    else this.#carried = messages;
  }

  async turn(): Promise<void> {
    const messages = [...this.#carried, question(this.#turns++)];
    const state = await this.#graph.invoke({ messages }, config);
    if (!this.saver.saver) this.#carried = state.messages;
  }

  async messages(): Promise<BaseMessage[]> {
    if (!this.saver.saver) return this.#carried;
    const { values } = await this.#graph.getState(config);
    return values.messages;
  }

  /** The messages of every checkpoint, newest first. */
  async history(): Promise<BaseMessage[][]> {
    const states: BaseMessage[][] = [];
    for await (const { values } of this.#graph.getStateHistory(config)) {
      states.push(values.messages ?? []);
    }
    return states;
  }

  /** A saver that is fast because it forgets has no place in a comparison. */
  async close(): Promise<void> {
    const { length } = await this.messages();
    if (length !== 2 * this.#turns) {
      throw new Error(`a chat of ${this.#turns} turns came back with ${length} messages`);
    }
    await this.saver.close();
  }
}
