import { randomUUID } from "node:crypto";
import type { RunnableConfig } from "@langchain/core/runnables";
import { StorageError } from "../errors.js";
import { ownerOf } from "../saver/config.js";
import type { Operation } from "../saver/records.js";
import { decodePlain, encodePlain } from "../state/plain.js";
import { checkId } from "../storage/ids.js";
import type { ToolEventRecord } from "../storage/storage.js";
import { type Core, runningNodeOf, runOf, sessionIdOf } from "./core.js";

/** What is known of one execution of a tool call. */
export interface ToolCall {
  /** The id that the model gave it, else one of our own. */
  readonly callId: string;
  /** Which execution of the call: a node that runs again calls its tools again. */
  readonly attempt: number;
  readonly tool: string;
  readonly args: unknown;
  /** What it returned; `undefined` where it has not. */
  readonly result: unknown;
  /** `started`: it may run still, or its process died. */
  readonly status: "started" | "done" | "failed" | "interrupted";
  readonly error: string | undefined;
  readonly startedAt: Date;
  /** `undoing`: an undo has begun, and nobody knows how it ended. */
  readonly undo: "none" | "undoing" | "undone" | "failed";
  readonly undoError: string | undefined;
}

/** A call with what decides whether a rollback undoes it. */
export interface JournalledCall extends ToolCall {
  /** Its place among all that happened in the session. */
  readonly position: number;
  /** The session's newest version when it began. */
  readonly version: number;
  readonly ns: string | undefined;
  readonly checkpointId: string | undefined;
  /** How often its undo was begun. */
  readonly undos: number;
}

/** Of a call whose owner is known. */
const NOBODY = { run: undefined, owner: {} };

export type CallKey = Pick<ToolCall, "callId" | "attempt" | "tool">;

/** The tool calls of sessions, as a list of events: none is ever changed. */
export class ToolJournal {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Notes that a call is about to be made. A run that was rolled back may make none any more. */
  async start(
    config: RunnableConfig,
    callId: string,
    tool: string,
    args: unknown,
  ): Promise<CallKey> {
    const sessionId = sessionIdOf("callTool", config);
    checkId("callTool", "tool call id", callId);
    const node = runningNodeOf(config);
    const place = { ns: node?.ns ?? null, checkpointId: node?.checkpointId ?? null };
    const by = { run: runOf(this.#core, config, sessionId), owner: ownerOf("callTool", config) };
    const token = randomUUID();
    // Most calls are made once: what the journal knows of others is read when that is claimed.
    let attempt = 1;
    for (;;) {
      const key = { callId, attempt, tool };
      await this.#add(sessionId, key, "started", { token, args }, place, by);
      const known = await this.#core.storage.toolEvents(sessionId, callId);
      if (await this.#isOwn(sessionId, known, key, "started", token)) return key;
      attempt = 1 + Math.max(0, ...known.map((event) => event.attempt));
    }
  }

  /** Of two events with one key the first one stays: whose is it? */
  async #isOwn(
    sessionId: string,
    known: readonly ToolEventRecord[],
    { attempt }: CallKey,
    name: string,
    token: string,
  ): Promise<boolean> {
    const event = known.find((one) => one.attempt === attempt && one.event === name);
    const body = (await this.#body(sessionId, event)) as { token?: string } | undefined;
    return body?.token === token;
  }

  note(sessionId: string, key: CallKey, event: string, body: unknown): Promise<void> {
    return this.#add(sessionId, key, event, body);
  }

  /** The call was made, whatever its result: one without an exact form is left out. */
  async finish(sessionId: string, key: CallKey, result: unknown): Promise<void> {
    try {
      await this.note(sessionId, key, "done", result);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === "NOT_SERIALIZABLE")) throw error;
      await this.note(sessionId, key, "done", undefined);
    }
  }

  async #add(
    sessionId: string,
    { callId, attempt, tool }: CallKey,
    event: string,
    body: unknown,
    place: Pick<ToolEventRecord, "ns" | "checkpointId"> = NO_PLACE,
    by: Pick<Operation, "run" | "owner"> = NOBODY,
  ): Promise<void> {
    const thread = this.#core.thread(sessionId);
    const tree = encodePlain(thread.log.classes, tool, body);
    const key = { callId, attempt, tool };
    const createdAt = this.#core.clock();
    await thread.write({
      name: "callTool",
      ...by,
      basis: [],
      records: (numbering) => ({
        toolEvents: [
          { ...place, ...key, event, position: numbering.take(), body: tree, createdAt },
        ],
      }),
    });
  }

  /** All calls of a session, in the order in which they began. */
  async calls(sessionId: string): Promise<JournalledCall[]> {
    const events = await this.#core.storage.toolEvents(sessionId);
    const byCall = new Map<string, ToolEventRecord[]>();
    for (const event of events) {
      const key = JSON.stringify([event.callId, event.attempt]);
      byCall.set(key, [...(byCall.get(key) ?? []), event]);
    }
    const calls = await Promise.all([...byCall.values()].map((own) => this.#call(sessionId, own)));
    return calls.filter((call) => call !== undefined).sort((a, b) => a.position - b.position);
  }

  async #call(
    sessionId: string,
    events: readonly ToolEventRecord[],
  ): Promise<JournalledCall | undefined> {
    const find = (name: string) => events.find(({ event }) => event === name);
    const started = find("started");
    if (started === undefined) return undefined;
    const ended = ENDS.map(find).find((event) => event !== undefined);
    const undos = events.filter(({ event }) => /^undo \d+$/.test(event)).length;
    const failed = find(`undo failed ${undos}`);
    const read = (event: ToolEventRecord | undefined) => this.#body(sessionId, event);
    return {
      callId: started.callId,
      attempt: started.attempt,
      tool: started.tool,
      args: ((await read(started)) as { args?: unknown }).args,
      result: ended?.event === "done" ? await read(ended) : undefined,
      status: (ended?.event ?? "started") as ToolCall["status"],
      error: ended?.event === "failed" ? String(await read(ended)) : undefined,
      startedAt: new Date(started.createdAt),
      undo: find("undone") ? "undone" : undos === 0 ? "none" : failed ? "failed" : "undoing",
      undoError: failed && String(await read(failed)),
      position: started.position,
      version: started.version,
      ns: started.ns ?? undefined,
      checkpointId: started.checkpointId ?? undefined,
      undos,
    };
  }

  /** A fresh copy of what an event says. */
  async #body(sessionId: string, event: ToolEventRecord | undefined): Promise<unknown> {
    if (event === undefined) return undefined;
    const tree = await this.#core.threads.texts.read(event.body);
    return decodePlain(this.#core.thread(sessionId).log.classes, tree);
  }

  /**
   * Claims the next undo of a call.
   * @returns whether nobody else has it
   */
  async claimUndo(sessionId: string, call: JournalledCall, token: string): Promise<boolean> {
    const event = `undo ${call.undos + 1}`;
    const { callId, attempt, tool } = call;
    const key = { callId, attempt, tool };
    await this.note(sessionId, key, event, { token });
    const known = await this.#core.storage.toolEvents(sessionId, callId);
    return this.#isOwn(sessionId, known, key, event, token);
  }
}

const NO_PLACE = { ns: null, checkpointId: null };
const ENDS = ["done", "failed", "interrupted"];
