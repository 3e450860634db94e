import assert from "node:assert/strict";
import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { Annotation, END, messagesStateReducer, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  type AgentCheckpoint,
  Persistence,
  RollbackToolRegistry,
  type Storage,
  type ToolCall,
} from "@threadkeep/core";
import { z } from "zod";

export const Named = z.object({ name: z.string() });

export const Talk = Annotation.Root({
  messages: Annotation<BaseMessage[], BaseMessage[]>({
    reducer: messagesStateReducer,
    default: () => [],
  }),
  turn: Annotation<number>(),
});

/** What a tool or an undo does before it does its work. */
export interface Hooks {
  call?(name: string, toolName: string): unknown;
  undo?(call: ToolCall): unknown;
}

/** A promise that the check resolves. */
export function gate(): { open(): void; readonly opened: Promise<void> } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** The world outside, to which tools do something: what was done, in order. */
export class World {
  readonly log: string[] = [];
  readonly #waiting = new Map<string, () => void>();

  note(line: string): void {
    this.log.push(line);
    this.#waiting.get(line)?.();
  }

  /** Resolves when it is done. */
  async when(line: string): Promise<void> {
    if (this.log.includes(line)) return;
    return new Promise((resolve) => this.#waiting.set(line, resolve));
  }

  /** What was done since it was asked last. */
  take(): string[] {
    return this.log.splice(0);
  }
}

/** What has to be done to take these back. */
export function undosOf(done: readonly string[]): string[] {
  return done.map((line) => `undo ${line}: ${line} is done`).reverse();
}

export function textOf(result: unknown): string {
  if (result === undefined) return "nothing";
  return String(result instanceof ToolMessage ? result.content : result);
}

export const nameOf = (call: ToolCall): string => (call.args as { name: string }).name;

/** A process of its own: tools, a registry and a persistence on the world's storage. */
export class Process {
  readonly registry = new RollbackToolRegistry();
  readonly persistence: Persistence;
  readonly write: StructuredToolInterface;
  readonly pay: StructuredToolInterface;

  constructor(storage: Storage, world: World, hooks: Hooks = {}, clock?: () => number) {
    const effect = (toolName: string) => {
      const made = tool(
        async ({ name }) => {
          await hooks.call?.(name, toolName);
          world.note(`${toolName} ${name}`);
          return `${toolName} ${name} is done`;
        },
        { name: toolName, description: toolName, schema: Named },
      );
      return this.registry.register(made, async (call) => {
        await hooks.undo?.(call);
        world.note(`undo ${call.tool} ${nameOf(call)}: ${textOf(call.result)}`);
      }) as unknown as StructuredToolInterface;
    };
    this.write = effect("write");
    this.pay = effect("pay");
    this.persistence = new Persistence(storage, {
      rollbackToolRegistry: this.registry,
      ...(clock === undefined ? {} : { clock }),
    });
  }

  get tools(): StructuredToolInterface[] {
    return [this.write, this.pay];
  }

  /** Each turn of the script makes its calls in one message; then it is done. */
  agent(script: readonly (readonly string[])[], tools = this.tools) {
    return new StateGraph(Talk)
      .addNode("agent", ({ turn = 0 }) => ({
        turn: turn + 1,
        messages: [asking(`ai ${turn}`, script[turn] ?? [])],
      }))
      .addNode("tools", new ToolNode(tools))
      .addEdge(START, "agent")
      .addConditionalEdges(
        "agent",
        ({ messages }) => ((messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END),
        ["tools", END],
      )
      .addEdge("tools", "agent")
      .compile({ checkpointer: this.persistence.checkpointer });
  }

  /** A node that does what it is told. */
  node(work: (turn: number) => Promise<unknown>) {
    return new StateGraph(Talk)
      .addNode("node", async ({ turn = 0 }) => {
        await work(turn);
        return { turn: turn + 1 };
      })
      .addEdge(START, "node")
      .compile({ checkpointer: this.persistence.checkpointer });
  }
}

/** `write a` calls the tool `write` with the name `a`, and the id `call a`. */
export function asking(id: string, lines: readonly string[]): AIMessage {
  const calls = lines.map((line) => {
    const [toolName = "", name = ""] = line.split(" ");
    return { id: `call ${name}`, name: toolName, args: { name } };
  });
  return new AIMessage({ id, content: "", tool_calls: calls });
}

/** The checkpoints that a node made, or all, oldest first. */
export async function checkpoints(
  persistence: Persistence,
  nodePath?: string,
  session = "t",
): Promise<AgentCheckpoint[]> {
  const query = nodePath === undefined ? {} : { nodePath };
  return (await persistence.listCheckpoints(session, { ...query, limit: 1000 })).reverse();
}

/** The id of the nth checkpoint that a node made. */
export async function after(
  persistence: Persistence,
  nodePath: string,
  nth = 0,
  session = "t",
): Promise<string> {
  const found = (await checkpoints(persistence, nodePath, session))[nth];
  if (found === undefined) throw new TypeError(`no checkpoint ${nth} of ${nodePath}`);
  return found.checkpointId;
}

/** Rolls the thread back to its first checkpoint. */
export async function toStart(persistence: Persistence, session = "t") {
  const [first] = await checkpoints(persistence, undefined, session);
  return persistence.rollbackToCheckpoint(session, first?.checkpointId as string);
}

/** What the journal says of each call, such as `write a 1 done undone`. */
export async function journal(persistence: Persistence, session = "t"): Promise<string[]> {
  const calls = await persistence.toolCalls(session);
  return calls.map(
    (call) => `${call.tool} ${nameOf(call)} ${call.attempt} ${call.status} ${call.undo}`,
  );
}

export const linesOf = (calls: readonly ToolCall[]): string[] =>
  calls.map((call) => `${call.tool} ${nameOf(call)}`);

/** The script's calls in the order of the journal, in which those of one message may change places. */
export async function journalled(
  persistence: Persistence,
  script: readonly (readonly string[])[],
  session = "t",
): Promise<string[]> {
  const lines = linesOf(await persistence.toolCalls(session));
  const rest = [...lines];
  for (const turn of script) {
    assert.deepEqual(rest.splice(0, turn.length).sort(), [...turn].sort());
  }
  assert.deepEqual(rest, []);
  return lines;
}
