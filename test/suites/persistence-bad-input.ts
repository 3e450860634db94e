import { tool } from "@langchain/core/tools";
import { type AgentCheckpoint, type CreateOptions, RollbackToolRegistry } from "@threadkeep/core";
import { z } from "zod";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { line, started, type TrailGraph } from "../src/persistence.js";
import { AT, refused, schema, seed, unchanged, writing } from "../src/persistence-world.js";

export const persistenceBadInputChecks: Checks = {
  "an unknown checkpoint, or one of another session, is NOT_FOUND by its name": unchanged(
    async ({ persistence, graph, at }) => {
      const foreign = await at("one", "other");
      for (const id of ["nope", "cp other", foreign.checkpointId]) {
        const named = new RegExp(`session "t" has no checkpoint "${id}"`);
        await refused("NOT_FOUND", "rollbackToCheckpoint", [
          [named, () => persistence.rollbackToCheckpoint("t", id)],
          [named, () => persistence.rollbackToCheckpoint(AT, id, { graph })],
          [named, () => persistence.rollbackToCheckpoint("t", id, { dryRun: true })],
        ]);
        assertSame(await persistence.getCheckpointById("t", id), undefined);
        assertSame(await persistence.deleteCheckpoint("t", id), false);
      }
    },
  ),

  "a session that has never run has nothing to keep, to end or to go back to": unchanged(
    async ({ persistence }) => {
      await refused("NOT_FOUND", "createCheckpoint", [
        [/"none"/, () => persistence.createCheckpoint("none")],
        [/"ended"/, () => persistence.createCheckpoint("ended")],
      ]);
      await refused("NOT_FOUND", "createTombstoneCheckpoint", [
        [/"none"/, () => persistence.createTombstoneCheckpoint("none")],
      ]);
      await refused("NOT_FOUND", "rollbackToCheckpoint", [
        [/"none"/, () => persistence.rollbackToCheckpoint("none", "cp t")],
      ]);
      const unknown = { configurable: { thread_id: "t", checkpoint_id: "nope" } };
      await refused("NOT_FOUND", "createCheckpoint", [
        [/"t"/, () => persistence.createCheckpoint(unknown)],
      ]);
    },
  ),

  "a run from a checkpoint that is not there is NOT_FOUND by its name": unchanged(
    async ({ persistence, graph }) => {
      for (const id of ["nope", "cp other"]) {
        const unknown = { configurable: { thread_id: "t", checkpoint_id: id } };
        for (const input of [{ note: "n" }, null])
          await refused("NOT_FOUND", "run", [
            [new RegExp(`"${id}"`), () => persistence.run(graph, input, unknown)],
          ]);
      }
    },
  ),

  "from a tombstone nothing goes on": unchanged(async ({ persistence, graph }) => {
    const end = await persistence.getLatestCheckpoint("ended");
    const id = end!.checkpointId;
    await refused("FINISHED", "rollbackToCheckpoint", [
      [new RegExp(id), () => persistence.rollbackToCheckpoint("ended", id)],
      [new RegExp(id), () => persistence.rollbackToCheckpoint("ended", id, { graph })],
      [
        new RegExp(id),
        () => persistence.rollbackToCheckpoint("ended", id, { strategy: "messageHistoryOnly" }),
      ],
    ]);
  }),

  "a checkpoint of another graph is a GRAPH_MISMATCH that names the node": unchanged(
    async ({ persistence, log, compile, at }) => {
      const sub = (...names: string[]) => line(log.nodes(...names));
      const noTwo = compile({ ...log.nodes("one"), sub: sub("leaf", "last") });
      const noSub = compile(log.nodes("one", "two"));
      const noLast = compile({ ...log.nodes("one"), sub: sub("leaf"), ...log.nodes("two") });
      const [one, own, leaf] = [await at("one"), await at("sub"), await at("sub/leaf")];
      const back = (checkpoint: AgentCheckpoint, graph: TrailGraph) => () =>
        persistence.rollbackToCheckpoint("t", checkpoint.checkpointId, { graph });
      await refused("GRAPH_MISMATCH", "rollbackToCheckpoint", [
        [/"two"/, back(own, noTwo)],
        [/"sub"/, back(one, noSub)],
        [/"sub"/, back(leaf, noSub)],
        [/"last"/, back(leaf, noLast)],
      ]);
      for (const resume of ["auto", "required"] as const) {
        const run = (graph: TrailGraph, id: string) => () =>
          persistence.run(graph, null, threadConfig(id), { resume });
        await refused("GRAPH_MISMATCH", "run", [
          [/"two"/, run(noTwo, "open at two")],
          [/"sub"/, run(noSub, "open at sub")],
        ]);
      }
    },
  ),

  "where a run goes on inside a subgraph, or at a given checkpoint, a node that is gone is named too":
    unchanged(async ({ persistence, log, compile, at }) => {
      const sub = line(log.nodes("leaf"));
      const noLast = compile({ ...log.nodes("one"), sub, ...log.nodes("two") });
      const noTwo = compile({ ...log.nodes("one"), sub });
      const own = await at("sub");
      await refused("GRAPH_MISMATCH", "run", [
        [/"two"/, () => persistence.run(noTwo, null, { ...own.config })],
        [/"last"/, () => persistence.run(noLast, null, threadConfig("open at sub"))],
      ]);
    }),

  "inside a subgraph a rollback needs the graph": unchanged(async ({ persistence, at }) => {
    const { checkpointId } = await at("sub/leaf");
    await refused("INVALID_ARGUMENT", "rollbackToCheckpoint", [
      [/graph/, () => persistence.rollbackToCheckpoint("t", checkpointId)],
    ]);
  }),

  "a name that is taken by other content is refused": unchanged(async (world) => {
    const { persistence, graph, at } = world;
    const { config } = await at("one");
    const kept = { checkpointId: "cp t", label: "l", properties: { id: "t" } };
    const others: CreateOptions[] = [
      ...[{ label: "L" }, { properties: {} }, { properties: { id: "t", more: 1 } }],
      ...[{ nodePath: "other" }, { lastInput: 1 }, { lastOutput: null }],
    ].map((other) => ({ ...kept, ...other }));
    await refused(
      "ALREADY_EXISTS",
      "createCheckpoint",
      [
        ...others.map(
          (other) => [/"cp t"/, () => persistence.createCheckpoint("t", other)] as const,
        ),
        [/"cp t"/, () => persistence.createCheckpoint("t", { checkpointId: "cp t" })],
        [/"cp t"/, () => persistence.createCheckpoint(config, kept)],
        [
          /"cp open"/,
          () => persistence.createCheckpoint("open at two", { checkpointId: "cp open" }),
        ],
      ].slice(0, -1) as [RegExp, () => unknown][],
    );
    await refused("ALREADY_EXISTS", "saveCheckpoint", [
      [/"cp t"/, () => persistence.saveCheckpoint("t", seed("cp t"), { graph })],
      [/"cp t"/, () => persistence.saveCheckpoint("t", seed("cp t", { tombstone: true }))],
    ]);
    assertSame((await persistence.createCheckpoint("t", kept)).checkpointId, "cp t");
  }),

  "an undo with other arguments, a second undo, and a registry with two owners are refused":
    unchanged(async ({ db, persistence }) => {
      const registry = new RollbackToolRegistry();
      const other = (own: z.ZodObject) =>
        tool(() => "", { name: "remove", description: "Removes.", schema: own });
      await refused("INVALID_ARGUMENT", "register", [
        [
          /"remove".*"write"/,
          () => registry.register(writing(), other(z.object({ path: z.string() }))),
        ],
        [
          /"remove".*"write"/,
          () => registry.register(writing(), other(z.object({ name: z.number() }))),
        ],
      ]);
      registry.register(writing(), other(z.object({ name: z.string() })));
      await refused("INVALID_ARGUMENT", "register", [
        [/"write"/, () => registry.register(writing(), other(schema))],
        [/"write"/, () => persistence.rollbackToolRegistry.register(writing(), () => {})],
      ]);
      started(db.storage, { rollbackToolRegistry: registry });
      await refused("INVALID_ARGUMENT", "Persistence", [
        [/rollbackToolRegistry/, () => started(db.storage, { rollbackToolRegistry: registry })],
      ]);
    }),
};
