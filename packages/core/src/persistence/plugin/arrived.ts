import { AIMessage, type AIMessageChunk } from "@langchain/core/messages";
import { concat } from "@langchain/core/utils/stream";

type Event = Readonly<Record<string, unknown>>;

/** What has arrived of a model's answer. */
export class Arrived {
  #chunk: AIMessageChunk | undefined;
  #text = "";
  #id: string | undefined;

  add(piece: AIMessageChunk | string): void {
    if (typeof piece === "string") this.#text += piece;
    else this.#chunk = this.#chunk === undefined ? piece : concat(this.#chunk, piece);
  }

  /** A piece as LangChain's stream events bring it. */
  addEvent(event: Event): void {
    if (event.event === "message-start") this.#id = event.id as string | undefined;
    const delta = event.delta as Event | undefined;
    if (delta?.type === "text-delta") this.#text += String(delta.text ?? "");
  }

  get counted(): unknown {
    return this.#chunk?.usage_metadata;
  }

  /** Calls whose arguments may be cut off. */
  get toolCalls(): object[] {
    const pieces = this.#chunk?.tool_call_chunks ?? [];
    return pieces.map(({ id, name, args }) => ({ id, name, args }));
  }

  /** The text so far, without calls of tools; `undefined` where nothing has arrived. */
  message(runId: string): AIMessage | undefined {
    const chunk = this.#chunk;
    const content = (chunk?.text ?? "") || this.#text;
    if (content === "" && this.toolCalls.length === 0) return undefined;
    return new AIMessage({
      id: chunk?.id ?? this.#id ?? `run-${runId}`,
      content,
      ...(chunk === undefined ? {} : { response_metadata: chunk.response_metadata }),
      ...(chunk?.usage_metadata === undefined ? {} : { usage_metadata: chunk.usage_metadata }),
    });
  }
}
