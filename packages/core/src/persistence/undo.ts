import { randomUUID } from "node:crypto";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { StorageError } from "../errors.js";
import { isWithin } from "../nodes/paths.js";
import { graphsAround, parentsOf, readOriginal } from "../saver/checkpoints.js";
import { checkpointKey } from "../storage/keys.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import type { Core } from "./core.js";
import type { JournalledCall, ToolCall, ToolJournal } from "./journal.js";
import { versionOfState } from "./plan.js";
import type { RollbackToolRegistry } from "./registry.js";

/** What a rollback did, or would do, with the calls made after its target. */
export interface UndoReport {
  /** The calls that were undone, in the order in which that was done: the last call first. */
  readonly undone: readonly ToolCall[];
  /** The one at which it stopped. */
  readonly failed: ToolCall | undefined;
  /** The calls that are still to be undone, in order; the failed one is not among them. */
  readonly remaining: readonly ToolCall[];
}

/** An undo failed, or nobody knows how it ended. What was undone before it stays undone. */
export class UndoError extends StorageError {
  readonly report: UndoReport;

  constructor(operation: string, message: string, report: UndoReport, cause: unknown) {
    super("UNDO_FAILED", operation, message, cause === undefined ? {} : { cause });
    this.report = report;
  }

  override of(operation: string): UndoError {
    return new UndoError(operation, this.detail, this.report, this.cause);
  }
}

/** What to do with a call whose undo began, and whose end nobody noted. */
export type InDoubt = "stop" | "retry" | "skip";

/** The calls made after a checkpoint that are to be undone, the last one first. */
export async function callsToUndo(
  core: Core,
  journal: ToolJournal,
  registry: RollbackToolRegistry,
  target: StoredCheckpoint,
): Promise<JournalledCall[]> {
  const { sessionId } = target;
  const rewound = await rewoundTo(core, target);
  const reads = new Reads(core, sessionId);
  const wanted: JournalledCall[] = [];
  for (const call of await journal.calls(sessionId)) {
    if (call.undo === "undone" || !hadEffect(call, registry)) continue;
    const version = Math.max(call.version, await reads.versionFor(call));
    if (rewound.some((graph) => isUndone(graph, call.ns ?? "", version))) wanted.push(call);
  }
  return wanted.reverse();
}

function hadEffect({ status, tool }: JournalledCall, registry: RollbackToolRegistry): boolean {
  if (status === "failed") return registry.find(tool)?.undoFailedCalls === true;
  return status !== "interrupted";
}

/**
 * The checkpoints that calls belong to: those that their nodes read, and those of the graphs around,
 * which LangGraph may send later than what happens inside.
 */
class Reads {
  readonly #core: Core;
  readonly #sessionId: string;
  readonly #versions = new Map<string, Promise<number>>();

  constructor(core: Core, sessionId: string) {
    this.#core = core;
    this.#sessionId = sessionId;
  }

  /** The newest of them. */
  versionFor({ ns = "", checkpointId }: JournalledCall): Promise<number> {
    if (checkpointId === undefined) return Promise.resolve(0);
    const key = checkpointKey(ns, checkpointId);
    const known = this.#versions.get(key) ?? this.#read(ns, checkpointId);
    this.#versions.set(key, known);
    return known;
  }

  async #read(ns: string, id: string): Promise<number> {
    const { storage, threads } = this.#core;
    const stored = await storage.checkpoint(this.#sessionId, ns, id);
    if (stored === undefined) return 0;
    const around = Object.entries(parentsOf(await readOriginal(threads, stored)));
    const versions = await Promise.all(around.map(([at, of]) => this.#versionAt(at, of)));
    return Math.max(stored.checkpoint.version, ...versions);
  }

  async #versionAt(ns: string, id: string): Promise<number> {
    const places = await this.#core.storage.versions(this.#sessionId, id);
    return places.find((place) => place.ns === ns)?.version ?? 0;
  }
}

/** A graph that goes back to a state of that version. */
interface Rewound {
  readonly ns: string;
  readonly version: number;
  /** The subgraph in it that goes back to a later state of its own. */
  readonly inner: string | undefined;
}

/** The target's graph, and those around it: in them the step begins anew in which the target lies. */
async function rewoundTo(core: Core, target: StoredCheckpoint): Promise<Rewound[]> {
  const { sessionId, checkpoint } = target;
  const around = graphsAround(await readOriginal(core.threads, target));
  const found = await Promise.all(
    around.map(async ([ns, id], i) => {
      const places = await core.storage.versions(sessionId, id);
      const version = places.find((place) => place.ns === ns)?.version ?? checkpoint.version;
      return { ns, version, inner: around[i + 1]?.[0] ?? checkpoint.ns };
    }),
  );
  const whole = { ns: "", version: versionOfState(target), inner: undefined };
  return [...found, whole];
}

function isUndone({ ns, version, inner }: Rewound, of: string, made: number): boolean {
  return made >= version && isWithin(of, ns) && (inner === undefined || !isWithin(of, inner));
}

/** @throws UndoError where this process does not know how to undo one of the calls */
export function checkUndos(registry: RollbackToolRegistry, calls: readonly JournalledCall[]): void {
  const unknown = calls.find(({ tool }) => registry.find(tool) === undefined);
  if (unknown !== undefined) {
    throw stopped(calls, [], unknown, "no undo is registered for this tool");
  }
}

function stopped(
  calls: readonly JournalledCall[],
  undone: readonly ToolCall[],
  at: JournalledCall,
  why: string,
  cause?: unknown,
): UndoError {
  const failed: ToolCall =
    cause === undefined ? at : { ...at, undo: "failed", undoError: String(cause) };
  const report = { undone, failed, remaining: calls.slice(calls.indexOf(at) + 1) };
  const what = `undo of ${JSON.stringify(at.tool)}, call ${JSON.stringify(at.callId)}`;
  return new UndoError("rollbackToCheckpoint", `${what}: ${why}`, report, cause);
}

/**
 * Undoes calls one after the other, see {@link checkUndos}.
 * @throws UndoError at the first one that fails
 */
export async function undoCalls(
  journal: ToolJournal,
  registry: RollbackToolRegistry,
  sessionId: string,
  calls: readonly JournalledCall[],
  inDoubt: InDoubt,
): Promise<ToolCall[]> {
  const undone: ToolCall[] = [];
  const stop = (call: JournalledCall, why: string, cause?: unknown) =>
    stopped(calls, undone, call, why, cause);
  for (const call of calls) {
    if (call.undo === "undoing" && inDoubt === "skip") continue;
    if (call.undo === "undoing" && inDoubt === "stop") {
      throw stop(
        call,
        'it began before, and nobody noted its end; pass inDoubt: "retry" or "skip"',
      );
    }
    if (!(await journal.claimUndo(sessionId, call, randomUUID()))) {
      throw stop(call, "somebody else undoes it just now");
    }
    const { undo } = registry.find(call.tool) as { undo(call: ToolCall): unknown };
    try {
      // Of a node that asks for the rollback, an undo is no call.
      await AsyncLocalStorageProviderSingleton.getInstance().run(undefined, () => undo(call));
    } catch (error) {
      await journal.note(sessionId, call, `undo failed ${call.undos + 1}`, String(error));
      throw stop(call, String(error), error);
    }
    await journal.note(sessionId, call, "undone", undefined);
    undone.push({ ...call, undo: "undone" });
  }
  return undone;
}
