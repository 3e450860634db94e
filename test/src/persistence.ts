import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import {
  type AgentCheckpoint,
  type Graph,
  Persistence,
  type PersistenceOptions,
  type Storage,
} from "@threadkeep/core";

/** The state of most graphs here: nodes leave their names in `trail`. */
export const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  trail: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  note: Annotation<string>(),
});
export type Values = typeof State.State;
export type Update = Partial<typeof State.Update>;
export type Work = (
  state: Values,
  config: LangGraphRunnableConfig,
) => Update | undefined | Promise<Update | undefined>;

/** Nodes one after the other; a builder is a subgraph. */
export type Nodes = Readonly<Record<string, Work | Builder>>;

/** What is needed of a StateGraph whose node names TypeScript does not know. */
export interface Builder {
  // biome-ignore lint/suspicious/noExplicitAny: a node is a function or a graph
  addNode(name: string, node: any): Builder;
  addEdge(from: string | string[], to: string): Builder;
  compile(options?: object): TrailGraph;
}

export interface TrailGraph extends Graph {
  invoke(input: unknown, config?: object): Promise<Values>;
}

export function line(nodes: Nodes): Builder {
  const builder = new StateGraph(State) as unknown as Builder;
  const names = Object.keys(nodes);
  for (const [name, node] of Object.entries(nodes)) {
    builder.addNode(name, typeof node === "function" ? node : node.compile());
  }
  for (const [i, name] of names.entries()) builder.addEdge(names[i - 1] ?? START, name);
  return builder.addEdge(names.at(-1) as string, END);
}

/** The path of the node that has this config, as the user would write it. */
export function pathOf(config: LangGraphRunnableConfig): string {
  const ns = String(config.configurable?.checkpoint_ns ?? "");
  return ns.replaceAll(/:[^|]*/g, "").replaceAll("|", "/");
}

/** Which nodes ran, in order, and the nodes that say so. */
export class Log {
  readonly ran: string[] = [];

  /** A node that leaves its name in the state, unless its work says otherwise. */
  node(work?: Work): Work {
    return async (state, config) => {
      const path = pathOf(config);
      this.ran.push(path);
      return (await work?.(state, config)) ?? { trail: [path] };
    };
  }

  /** Nodes of these names, each of which only leaves its name. */
  nodes(...names: string[]): Record<string, Work> {
    return Object.fromEntries(names.map((name) => [name, this.node()]));
  }

  /** What ran since it was last asked. */
  take(): string {
    return this.ran.splice(0).join(" ");
  }
}

/** Lets work be done the first time only. */
export function once(): () => boolean {
  let isFirst = true;
  return () => {
    const was = isFirst;
    isFirst = false;
    return was;
  };
}

/** A promise for others to wait on. */
export class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => {};

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** A process that was just started. */
export function started(storage: Storage, options?: PersistenceOptions): Persistence {
  return new Persistence(storage, options);
}

/** A clock that never stands still, and what it showed last. */
export function ticking(from = Date.UTC(2026, 0, 2)) {
  const clock = () => {
    clock.now += 1000;
    return clock.now;
  };
  clock.now = from;
  return clock;
}

export const said = (messages: readonly BaseMessage[]) =>
  messages.map((message) => `${message.getType()}: ${message.content}`);

export const human = (content: string) => new HumanMessage({ id: `id of ${content}`, content });

/** All checkpoints of a session, oldest first. */
export async function all(persistence: Persistence, session = "t"): Promise<AgentCheckpoint[]> {
  return (await persistence.listCheckpoints(session, { limit: 10_000 })).reverse();
}

/** All checkpoints of a node, oldest first. */
export async function of(
  persistence: Persistence,
  nodePath: string,
  session = "t",
): Promise<AgentCheckpoint[]> {
  return (await persistence.listCheckpoints(session, { nodePath, limit: 10_000 })).reverse();
}

/** The messages that the thread goes on with. */
export async function latestSaid(persistence: Persistence, session = "t"): Promise<string[]> {
  return said((await persistence.getLatestCheckpoint(session))?.messageHistory ?? []);
}
