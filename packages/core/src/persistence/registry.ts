import { randomUUID } from "node:crypto";
import { ensureConfig, type RunnableConfig } from "@langchain/core/runnables";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import { isInteropZodSchema } from "@langchain/core/utils/types";
import { operation } from "../errors.js";
import { invalid } from "../storage/ids.js";
import { CHECKPOINTER_KEY } from "./graph.js";
import type { ToolCall, ToolJournal } from "./journal.js";

/** A LangChain tool, as far as it matters here. */
export interface CallableTool {
  readonly name: string;
  readonly schema?: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: LangChain's own types depend on the schema
  invoke(input: any, config?: any): Promise<any>;
}

/** Takes back what a call did. It gets the call's own arguments and result. */
export type UndoFunction = (call: ToolCall) => Promise<unknown> | unknown;

/** How a tool is undone. */
export interface UndoOptions {
  /** Whether calls that threw are undone too; the undo then gets no result. Default: `false`. */
  readonly undoFailedCalls?: boolean;
}

interface Registered extends UndoOptions {
  readonly undo: UndoFunction;
}

/** Who journals the calls of a tool: the tool itself is changed once only. */
const WATCHERS = new WeakMap<object, Set<RollbackToolRegistry>>();

/**
 * Which tool takes back what another one did. From its registration on every call of a tool is
 * journalled, in whatever node it is made: what it is about to do before the call, and its result
 * after it (Koog: `RollbackToolRegistry`).
 *
 * @example
 * ```ts
 * const registry = new RollbackToolRegistry();
 * registry.register(writeFile, deleteFile); // two tools with the same arguments
 * registry.register(book, async ({ args, result }) => cancel(result.bookingId));
 * const persistence = new Persistence(storage, { rollbackToolRegistry: registry });
 * ```
 */
export class RollbackToolRegistry {
  readonly #undos = new Map<string, Registered>();
  #journal: ToolJournal | undefined;
  /** By the saver that keeps the state of the run that calls. */
  readonly #journals = new WeakMap<object, ToolJournal>();

  /**
   * @param undo a tool with the same arguments, or a function of the call. A tool finds the call, with
   * its result, in `config.configurable.undo`
   * @throws StorageError `INVALID_ARGUMENT` for a second registration of the name, or another
   * argument schema
   */
  register<T extends CallableTool>(
    tool: T,
    undo: CallableTool | UndoFunction,
    options: UndoOptions = {},
  ): T {
    if (this.#undos.has(tool.name)) {
      throw invalid("register", `tool ${JSON.stringify(tool.name)} has an undo already`);
    }
    if (typeof undo !== "function") checkSchemas(tool, undo);
    this.#undos.set(tool.name, {
      ...options,
      undo: typeof undo === "function" ? undo : (call) => undoByTool(undo, call),
    });
    watch(tool, this);
    return tool;
  }

  find(toolName: string): Registered | undefined {
    return this.#undos.get(toolName);
  }

  /** Where the calls are journalled. */
  connect(journal: ToolJournal, saver: object): void {
    if (this.#journal !== undefined) {
      throw invalid("Persistence", "the rollbackToolRegistry belongs to another Persistence");
    }
    this.#journal = journal;
    this.#journals.set(saver, journal);
  }

  /** Where the calls of one owner's runs are journalled. */
  connectView(journal: ToolJournal, saver: object): void {
    this.#journals.set(saver, journal);
  }

  /** Whether the run of this config keeps its state here, or does not say where. */
  isOf(config: RunnableConfig): boolean {
    return this.#journalOf(config) !== undefined;
  }

  #journalOf(config: RunnableConfig): ToolJournal | undefined {
    const saver: unknown = config.configurable?.[CHECKPOINTER_KEY];
    return saver === undefined ? this.#journal : this.#journals.get(saver as object);
  }

  /** Makes a call, and journals it. */
  async call(
    tool: CallableTool,
    invoke: () => Promise<unknown>,
    input: unknown,
    config: RunnableConfig,
  ): Promise<unknown> {
    const journal = this.#journalOf(config);
    if (journal === undefined || config.configurable?.thread_id === undefined) return invoke();
    const sessionId = String(config.configurable.thread_id);
    const { id, args } = callOf(input);
    const key = await operation("callTool", () => journal.start(config, id, tool.name, args));
    let result: unknown;
    try {
      result = await invoke();
    } catch (error) {
      const isInterrupt = (error as { is_bubble_up?: unknown } | undefined)?.is_bubble_up === true;
      await journal.note(sessionId, key, isInterrupt ? "interrupted" : "failed", String(error));
      throw error;
    }
    await journal.finish(sessionId, key, result);
    return result;
  }
}

function callOf(input: unknown): { id: string; args: unknown } {
  const { type, id, args } = (input ?? {}) as Record<string, unknown>;
  if (type === "tool_call") return { id: typeof id === "string" ? id : randomUUID(), args };
  return { id: randomUUID(), args: input };
}

async function undoByTool(undo: CallableTool, call: ToolCall): Promise<unknown> {
  return undo.invoke(call.args, { configurable: { undo: call } });
}

/** Lets the registries of a tool see its calls. */
function watch(tool: CallableTool, registry: RollbackToolRegistry): void {
  const known = WATCHERS.get(tool);
  if (known !== undefined) {
    known.add(registry);
    return;
  }
  const watchers = new Set([registry]);
  WATCHERS.set(tool, watchers);
  const original = tool.invoke;
  const invoke = (input: unknown, given?: RunnableConfig): Promise<unknown> => {
    const config = ensureConfig(given);
    const call = () => original.call(tool, input, given);
    const own = [...watchers].reverse().find((watcher) => watcher.isOf(config));
    return own === undefined ? call() : own.call(tool, call, input, config);
  };
  Object.defineProperty(tool, "invoke", { value: invoke, configurable: true, writable: true });
}

function checkSchemas(tool: CallableTool, undo: CallableTool): void {
  if (schemaText(tool) === schemaText(undo)) return;
  const names = `${JSON.stringify(undo.name)} takes other arguments than ${JSON.stringify(tool.name)}`;
  throw invalid("register", names);
}

/** The arguments as JSON schema, without the words that only describe them. */
function schemaText({ schema }: CallableTool): string {
  const json = isInteropZodSchema(schema) ? toJsonSchema(schema) : schema;
  return JSON.stringify(json, (key, value) =>
    key === "description" || key === "title" ? undefined : value,
  );
}
