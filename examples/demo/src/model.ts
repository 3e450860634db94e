import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import type { Runnable } from "@langchain/core/runnables";
import type { ListedFile, Measurement, ToolName } from "./tools.js";

const FOLDERS = ["packages", "examples", "test", "docs"];
const MEASURED = 8;
const READ = 6;
const READ_AT_ONCE = 3;

/** What the writer is told: the facts of a summary, as JSON. */
export interface Facts {
  focus: string;
  unit: string;
  files: { path: string; value: number; holds: string[] }[];
}

abstract class OfflineModel extends BaseChatModel {
  abstract answer(messages: BaseMessage[]): AIMessage;

  override _llmType(): string {
    return "offline-rules";
  }

  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const message = this.answer(messages);
    message.response_metadata = { model_name: this._llmType() };
    return { generations: [{ text: message.text, message }] };
  }
}

/** Chooses the next tool calls by rule, from the results so far. */
export class OfflinePlanner extends OfflineModel {
  override answer(messages: BaseMessage[]): AIMessage {
    const turn = messages.filter((message) => AIMessage.isInstance(message)).length + 1;
    const results = <T>(name: ToolName): T[] =>
      messages
        .filter((message) => ToolMessage.isInstance(message) && message.name === name)
        .map((message) => (message as ToolMessage).artifact as T);
    const callEach = (name: ToolName, argument: string, values: string[]) =>
      new AIMessage({
        content: "",
        tool_calls: values.map((value, index) => {
          return { name, args: { [argument]: value }, id: `call-${turn}-${index + 1}` };
        }),
      });
    const paths = (files: { path: string }[]) => files.map(({ path }) => path);

    const listed = results<ListedFile[]>("list_files").flat();
    if (listed.length === 0) return callEach("list_files", "folder", FOLDERS);

    const measured = results<Measurement>("measure_file");
    const largest = listed.sort((a, b) => b.bytes - a.bytes).slice(0, MEASURED);
    if (measured.length === 0) return callEach("measure_file", "path", paths(largest));

    const done = results("read_file").length;
    const longest = measured.sort((a, b) => b.lines - a.lines).slice(0, READ);
    const next = longest.slice(done, done + READ_AT_ONCE);
    if (next.length > 0) return callEach("read_file", "path", paths(next));

    return new AIMessage(`I measured ${measured.length} files and read ${done} of them.`);
  }
}

/** Turns facts into sentences by a template. */
class OfflineWriter extends OfflineModel {
  override answer(messages: BaseMessage[]): AIMessage {
    const facts = messages.at(-1)?.text.split("\n").at(-1) ?? "";
    const { focus, unit, files } = JSON.parse(facts) as Facts;
    const [first, second, ...others] = files;
    const names = first?.holds.slice(0, 3).join(", ");
    return new AIMessage(
      `By ${focus}, ${first?.path} comes first with ${first?.value} ${unit}` +
        `${names ? ` (it holds ${names})` : ""}, ` +
        `then ${second?.path} with ${second?.value}. ` +
        `None of the other ${others.length} has more than ${others[0]?.value}.`,
    );
  }
}

const ONLINE = [
  { key: "OPENAI_API_KEY", from: "@langchain/openai", name: "ChatOpenAI", model: "gpt-4o-mini" },
  {
    key: "ANTHROPIC_API_KEY",
    from: "@langchain/anthropic",
    name: "ChatAnthropic",
    model: "claude-haiku-4-5",
  },
];

export type Writer = Runnable<BaseMessage[], BaseMessage>;

/** A real model where its key is set and its package is installed, else the offline writer. */
export async function chooseWriter(): Promise<Writer> {
  const offline = new OfflineWriter({});
  for (const { key, from, name, model } of ONLINE) {
    if (!process.env[key]) continue;
    const loaded = await import(from).catch(() => undefined);
    if (loaded === undefined) continue;
    const online: BaseChatModel = new loaded[name]({ model, maxRetries: 1 });
    return online.withFallbacks([offline]);
  }
  return offline;
}

/** Which model wrote a message, by its own account. */
export function modelOf({ response_metadata }: BaseMessage): string {
  const { model_name, model } = response_metadata as Record<string, string | undefined>;
  return model_name ?? model ?? "an unnamed model";
}
