import assert from "node:assert/strict";
import { tool } from "@langchain/core/tools";
import {
  type AgentCheckpoint,
  type Persistence,
  RollbackToolRegistry,
  type StorageErrorCode,
} from "@threadkeep/core";
import { z } from "zod";
import { assertSame } from "./equal.js";
import { threadConfig } from "./graphs.js";
import type { Check, Database } from "./harness.js";
import { human, Log, line, type Nodes, of, started, type TrailGraph } from "./persistence.js";
import { assertRefused } from "./refusal.js";
import { everything } from "./snapshot.js";

export const AT = threadConfig("t");

export interface World {
  readonly db: Database;
  readonly persistence: Persistence;
  readonly graph: TrailGraph;
  readonly log: Log;
  /** Another version of the graph. */
  compile(nodes: Nodes): TrailGraph;
  /** The checkpoint of a node. */
  at(nodePath: string, session?: string): Promise<AgentCheckpoint>;
}

export const schema = z.object({ name: z.string() });
export const writing = () => tool(() => "wrote", { name: "write", description: "Writes.", schema });

/** Sessions that have ended, failed and been tombstoned, with tool calls; the check changes nothing. */
export const unchanged =
  (check: (world: World) => Promise<void>): Check =>
  async (db) => {
    const log = new Log();
    const rollbackToolRegistry = new RollbackToolRegistry();
    const write = rollbackToolRegistry.register(writing(), () => undefined);
    const persistence = started(db.storage, { rollbackToolRegistry });
    const compile = (nodes: Nodes) =>
      line(nodes).compile({ checkpointer: persistence.checkpointer });
    const failing = (where: string) =>
      log.node(({ note }) => {
        if (note === where) throw new TypeError("crashed");
        return undefined;
      });
    const graph = compile({
      one: log.node(async (_, config) => {
        await write.invoke(
          { type: "tool_call", id: "c", name: "write", args: { name: "f" } },
          config,
        );
        return undefined;
      }),
      sub: line({ ...log.nodes("leaf"), last: failing("sub") }),
      two: failing("two"),
    });
    for (const id of ["t", "other", "ended"]) {
      await persistence.run(graph, { note: id, messages: [human(id)] }, threadConfig(id));
      const properties = { id };
      await persistence.createCheckpoint(id, { checkpointId: `cp ${id}`, label: "l", properties });
    }
    await persistence.createTombstoneCheckpoint("ended");
    for (const note of ["two", "sub"])
      await persistence.run(graph, { note }, threadConfig(`open at ${note}`)).catch(() => {});
    log.take();
    const before = await everything(db.storage);
    const at = async (nodePath: string, session = "t") =>
      (await of(persistence, nodePath, session))[0]!;
    await check({ db, persistence, graph, log, compile, at });
    assertSame(await everything(db.storage), before, "something was written");
    assertSame(log.take(), "", "a node ran");
  };

/** All of it is refused with one code by one operation, and names the thing. */
export async function refused(
  code: StorageErrorCode,
  operation: string,
  calls: readonly (readonly [pattern: RegExp, call: () => unknown])[],
): Promise<void> {
  const failures: string[] = [];
  for (const [i, [pattern, call]] of calls.entries()) {
    const check = assertRefused(async () => call(), code, operation, pattern);
    await check.catch((error) => failures.push(`${i}, ${pattern}: ${error.message}`));
  }
  assert.deepEqual(failures, [], `${operation} should be refused as ${code}`);
}

export const seed = (checkpointId: string, more: object = {}) => ({
  ...{ checkpointId, nodePath: "two", messageHistory: [] },
  ...more,
});
