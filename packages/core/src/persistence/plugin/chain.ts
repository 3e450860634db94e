import type { Serialized } from "@langchain/core/load/serializable";
import { AIMessage, type BaseMessage, HumanMessage, isBaseMessage } from "@langchain/core/messages";
import type { Entry } from "../../sessions/transcript.js";
import { describe, invalid } from "../../storage/ids.js";
import { coerced, entriesOf } from "./messages.js";
import { noted } from "./middleware.js";
import { Recording } from "./recording.js";
import type { PluginRun } from "./run.js";

/** Where a chain takes and gives messages. */
export interface ChainKeys {
  /**
   * The input's field with what the user says: a text, a message or a list of messages. Default:
   * `messages` or `input`, else the only field beside `historyKey`; nothing, where the input is no object.
   */
  readonly inputKey?: string;
  /** The input's field that the stored conversation is put in. Default: it is put before the input's messages. */
  readonly historyKey?: string;
  /** The output's field with the answer. Default: the output itself, or its `output` or `messages`. */
  readonly outputKey?: string;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isBaseMessage(value);

/** A run of a chain. */
export class ChainRecording extends Recording {
  readonly #keys: ChainKeys;
  /** The chain's own run, and what came out of it. */
  #root: string | undefined;
  #output: unknown;

  constructor(run: PluginRun, signal: AbortSignal | undefined, keys: ChainKeys) {
    super(run, signal);
    this.#keys = keys;
  }

  async begin(input: unknown): Promise<unknown> {
    const key = isFields(input) ? inputKeyOf(input, this.#keys) : undefined;
    const said = key === undefined ? input : (input as Fields)[key];
    const messages = saidAs(said);
    const put = placeOf(input, key, this.#keys.historyKey);
    const history = await this.run.history(messages, false);
    await this.record(entriesOf(messages));
    return put(history, messages);
  }

  override handleChainStart(
    _chain: Serialized,
    _inputs: unknown,
    runId: string,
    parentRunId?: string,
  ): void {
    this.#root ??= runId;
    this.follow(runId, parentRunId, false);
  }

  override handleChainEnd(outputs: unknown, runId: string): void {
    if (runId === this.#root) this.#output = outputs;
  }

  override handleToolStart(
    _tool: Serialized,
    _input: string,
    runId: string,
    parentRunId?: string,
  ): void {
    this.follow(runId, parentRunId, true);
  }

  /** A tool's result, behind the answer that asked for it. */
  override async handleToolEnd(output: unknown): Promise<void> {
    if (!isBaseMessage(output) || output.getType() !== "tool") return;
    this.collect();
    const callId = (output as BaseMessage & { tool_call_id?: string }).tool_call_id;
    const asked = this.answers().findLast(({ message }) =>
      (message as AIMessage).tool_calls?.some(({ id }) => id === callId),
    );
    if (asked !== undefined) await this.record([asked, ...entriesOf([output])]);
  }

  protected async came(output: unknown): Promise<void> {
    this.collect();
    const said = this.#answer(output ?? this.#output);
    await this.record(said.map((entry) => noted(entry, this.calls)));
  }

  /** Text that no model was seen to make. */
  protected override arrived(sum: unknown): Entry[] {
    const isSeen = this.calls.some(({ entry }) => entry !== undefined);
    if (isSeen || typeof sum !== "string" || sum === "") return [];
    return entriesOf([new AIMessage(sum)]).map(({ message }) => ({
      message,
      metadata: { status: "aborted" },
    }));
  }

  /** The messages of the output; of one that is none, the answer that it was made of. */
  #answer(output: unknown): Entry[] {
    const { outputKey } = this.#keys;
    const last = this.answers().slice(-1);
    const value = isFields(output) ? outputOf(output, outputKey) : output;
    const list = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every(isBaseMessage)) return entriesOf(list);
    const isSame = last[0]?.message.text === value;
    if (typeof value !== "string" || isSame) return last;
    return entriesOf([new AIMessage(value)]);
  }
}

type Put = (history: readonly BaseMessage[], messages: readonly BaseMessage[]) => unknown;

/** How the conversation is put into an input. */
function placeOf(input: unknown, key: string | undefined, historyKey: string | undefined): Put {
  if (historyKey !== undefined) {
    if (isFields(input)) return (history) => ({ ...input, [historyKey]: history });
    throw invalid("wrap", `historyKey needs an object as input, not ${describe(input)}`);
  }
  if (key === undefined) {
    return (history, messages) => (history.length === 0 ? input : [...history, ...messages]);
  }
  const fields = input as Fields;
  if (Array.isArray(fields[key])) {
    return (history, messages) => ({ ...fields, [key]: [...history, ...messages] });
  }
  throw invalid("wrap", `${key} is no list: the conversation needs a historyKey of its own`);
}

function inputKeyOf(input: Fields, { inputKey, historyKey }: ChainKeys): string {
  const names = Object.keys(input).filter((name) => name !== historyKey);
  const usual = ["messages", "input"].find((name) => names.includes(name));
  const key = inputKey ?? usual ?? (names.length === 1 ? names[0] : undefined);
  if (key !== undefined && Object.hasOwn(input, key)) return key;
  throw invalid("wrap", `the input needs ${inputKey ?? "an inputKey"}: it has ${names.join(", ")}`);
}

function outputOf(output: Fields, outputKey: string | undefined): unknown {
  if (outputKey !== undefined) return output[outputKey];
  return output.output ?? output.messages;
}

function saidAs(value: unknown): BaseMessage[] {
  if (typeof value === "string") return [new HumanMessage(value)];
  if (Array.isArray(value) || isBaseMessage(value)) return coerced(value);
  throw invalid("wrap", `the input must be text or messages, not ${describe(value)}`);
}
