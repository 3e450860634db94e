import type { Persistence } from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { human, started } from "../src/persistence.js";
import { AT, refused, seed, unchanged, type World } from "../src/persistence-world.js";
import { assertRefused } from "../src/refusal.js";

const BAD_IDS: readonly unknown[] = [
  ...[null, 0, Number.NaN, true, 7n, [], {}, ["t"], new String("t"), () => "t"],
  ...["", "\0", "a\0", "\ud800", "x".repeat(256), "é".repeat(128)],
];

/** Every function, with a session and the id of a checkpoint. */
const FUNCTIONS: Record<string, (world: World, session: never, id: never) => Promise<unknown>> = {
  getCheckpointById: ({ persistence }, session, id) => persistence.getCheckpointById(session, id),
  deleteCheckpoint: ({ persistence }, session, id) => persistence.deleteCheckpoint(session, id),
  rollbackToCheckpoint: ({ persistence }, session, id) =>
    persistence.rollbackToCheckpoint(session, id),
  createCheckpoint: ({ persistence }, session, id) =>
    persistence.createCheckpoint(session, { checkpointId: id }),
  saveCheckpoint: ({ persistence, graph }, session, id) =>
    persistence.saveCheckpoint(session, seed(id), { graph }),
};
const SESSION_FUNCTIONS: typeof FUNCTIONS = {
  ...FUNCTIONS,
  getLatestCheckpoint: ({ persistence }, session) => persistence.getLatestCheckpoint(session),
  listCheckpoints: ({ persistence }, session) => persistence.listCheckpoints(session),
  createTombstoneCheckpoint: ({ persistence }, session) =>
    persistence.createTombstoneCheckpoint(session),
  setExecutionPoint: ({ persistence, graph }, session) =>
    persistence.setExecutionPoint(session, { graph, nodePath: "one", reopen: true }),
  toolCalls: ({ persistence }, session) => persistence.toolCalls(session),
};

/** What has no exact form, and where it stands. */
const UNSTORABLE: readonly [unknown, RegExp][] = [
  [{ a: [{ f: () => 1 }] }, /\.a\.0\.f|a\[0\]\.f/],
  [{ s: Symbol("s") }, /\.s/],
  [{ x: new (class Mine {})() }, /\.x/],
  [{ p: Promise.resolve() }, /\.p/],
];

export const persistenceBadValueChecks: Checks = {
  "a bad session id is refused by every function": unchanged(async (world) => {
    for (const [operation, call] of Object.entries(SESSION_FUNCTIONS)) {
      for (const bad of BAD_IDS) {
        const session = bad as never;
        const code = "INVALID_ARGUMENT";
        await assertRefused(() => call(world, session, "cp" as never), code, operation);
        const config = { configurable: { thread_id: bad } } as never;
        await assertRefused(() => call(world, config, "cp" as never), code, operation, /thread_id/);
      }
      for (const config of [{}, { configurable: {} }, { configurable: null }, undefined]) {
        const session = config as never;
        const code = "INVALID_ARGUMENT";
        await assertRefused(() => call(world, session, "cp" as never), code, operation);
      }
    }
    const { persistence, graph } = world;
    for (const bad of [...BAD_IDS, undefined]) {
      const config = { configurable: { thread_id: bad } };
      await refused("INVALID_ARGUMENT", "run", [
        [/thread_id/, () => persistence.run(graph, { note: "n" }, config)],
      ]);
    }
  }),

  "a bad checkpoint id is refused by every function": unchanged(async (world) => {
    for (const [operation, call] of Object.entries(FUNCTIONS)) {
      for (const bad of BAD_IDS) {
        const code = "INVALID_ARGUMENT";
        const id = bad as never;
        await assertRefused(() => call(world, "t" as never, id), code, operation, /checkpointId/);
      }
    }
  }),

  "a bad label, node path or set of properties is refused": unchanged(
    async ({ persistence, graph }) => {
      const texts = [null, 0, {}, "\0", "\ud800"];
      const bad: readonly (readonly [name: RegExp, option: object])[] = [
        ...texts.map((label) => [/label/, { label }] as const),
        ...texts.map((nodePath) => [/nodePath/, { nodePath }] as const),
        ...[null, 0, "x", []].map((properties) => [/properties/, { properties }] as const),
      ];
      await refused(
        "INVALID_ARGUMENT",
        "createCheckpoint",
        bad.map(([name, option]) => [name, () => persistence.createCheckpoint("t", option)]),
      );
      await refused(
        "INVALID_ARGUMENT",
        "saveCheckpoint",
        bad.map(([name, option]) => [
          name,
          () => persistence.saveCheckpoint("t", seed("new", option), { graph }),
        ]),
      );
    },
  ),

  "a time that is none is refused": unchanged(async ({ persistence, graph }) => {
    const bad = [new Date(Number.NaN), "2026-01-02", 0] as Date[];
    const data = bad.map((createdAt) => seed("new", { createdAt }));
    await refused(
      "INVALID_ARGUMENT",
      "saveCheckpoint",
      data.map((one) => [/createdAt/, () => persistence.saveCheckpoint("t", one, { graph })]),
    );
    await refused(
      "INVALID_ARGUMENT",
      "createTombstoneCheckpoint",
      bad.map((time) => [/time/, () => persistence.createTombstoneCheckpoint("t", { time })]),
    );
    await refused("INVALID_ARGUMENT", "listCheckpoints", [
      ...bad.map((since) => [/since/, () => persistence.listCheckpoints("t", { since })] as const),
      ...bad.map((until) => [/until/, () => persistence.listCheckpoints("t", { until })] as const),
    ]);
  }),

  "a version that is none is refused": unchanged(async ({ persistence, graph }) => {
    const versions = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null] as number[];
    await refused(
      "INVALID_ARGUMENT",
      "createCheckpoint",
      versions.map((version) => [/version/, () => persistence.createCheckpoint("t", { version })]),
    );
    await refused(
      "INVALID_ARGUMENT",
      "saveCheckpoint",
      versions.map((version) => [
        /version/,
        () => persistence.saveCheckpoint("t", seed("new", { version }), { graph }),
      ]),
    );
  }),

  "a limit that is none is refused": unchanged(async ({ persistence, graph }) => {
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
      const limit = bad as number;
      await refused("INVALID_ARGUMENT", "listCheckpoints", [
        [/limit/, () => persistence.listCheckpoints("t", { limit })],
        [/before/, () => persistence.listCheckpoints("t", { before: limit })],
      ]);
      await refused("INVALID_ARGUMENT", "run", [
        [/maxRollbacks/, () => persistence.run(graph, { note: "n" }, AT, { maxRollbacks: limit })],
      ]);
    }
  }),

  "another strategy, resume, position or inDoubt than there are is refused": unchanged(
    async ({ db, persistence, graph }) => {
      const strategy = "everything" as never;
      const odd = started(db.storage);
      odd.rollbackStrategy = strategy;
      const inDoubt = "perhaps" as never;
      await refused("INVALID_ARGUMENT", "rollbackToCheckpoint", [
        [/strategy/, () => persistence.rollbackToCheckpoint("t", "cp t", { strategy })],
        [/strategy/, () => odd.rollbackToCheckpoint("t", "cp t")],
        [/inDoubt/, () => persistence.rollbackToCheckpoint("t", "cp t", { inDoubt })],
      ]);
      const resume = "always" as never;
      await refused("INVALID_ARGUMENT", "run", [
        [/resume/, () => persistence.run(graph, null, AT, { resume })],
      ]);
      const position = "beside" as never;
      const point = { graph, nodePath: "one", reopen: true };
      await refused("INVALID_ARGUMENT", "setExecutionPoint", [
        [/position/, () => persistence.setExecutionPoint("t", { ...point, position })],
      ]);
    },
  ),

  "an execution point with what the node cannot be given is refused": unchanged(
    async ({ persistence, graph }) => {
      const before = { graph, nodePath: "sub/leaf", reopen: true } as const;
      const after = { ...before, position: "after" } as const;
      const set = (point: Parameters<Persistence["setExecutionPoint"]>[1]) => () =>
        persistence.setExecutionPoint("t", point);
      const input = ["text", 0, null, [], () => 1].map(
        (bad) => [/the input of "leaf" must be an object/, set({ ...before, input: bad })] as const,
      );
      const output = ["text", 1, [1]].map((bad) => [/./, set({ ...after, output: bad })] as const);
      const messages = ["text", null, {}, ["text"], [human("x"), { content: "x" }]].map(
        (bad) => [/messageHistory/, set({ ...before, messageHistory: bad as never })] as const,
      );
      await refused("INVALID_ARGUMENT", "setExecutionPoint", [
        ...input,
        ...output,
        ...messages,
        [/"leaf" has no field "nope"/, set({ ...before, input: { note: "n", nope: 1 } })],
        [/output/, set({ ...after, input: { note: "n" } })],
        [/input/, set({ ...before, output: { note: "n" } })],
        [/graph/, set({ nodePath: "one", reopen: true })],
      ]);
      await refused("NOT_FOUND", "setExecutionPoint", [
        [/"nope"/, set({ ...before, nodePath: "nope" })],
        [/"sub\/nope"/, set({ ...before, nodePath: "sub/nope" })],
        [/"one\/leaf"/, set({ ...before, nodePath: "one/leaf" })],
      ]);
      await refused("INVALID_ARGUMENT", "setExecutionPoint", [
        [/nodePath/, set({ ...before, nodePath: 7 as never })],
      ]);
    },
  ),

  "a thread with nothing left to run gets no execution point unless it is opened again": unchanged(
    async ({ persistence, graph }) => {
      const point = { graph, nodePath: "one" };
      await refused("FINISHED", "setExecutionPoint", [
        [/"t"/, () => persistence.setExecutionPoint("t", point)],
        [/"ended"/, () => persistence.setExecutionPoint("ended", point)],
        [/"ended"/, () => persistence.setExecutionPoint("ended", { ...point, reopen: true })],
        [/"none"/, () => persistence.setExecutionPoint("none", { ...point, reopen: true })],
      ]);
      const required = { resume: "required" } as const;
      await refused("FINISHED", "run", [
        [/"t"/, () => persistence.run(graph, { note: "n" }, AT, required)],
        [/"ended"/, () => persistence.run(graph, null, threadConfig("ended"), required)],
        [/"none"/, () => persistence.run(graph, null, threadConfig("none"), required)],
      ]);
    },
  ),

  "a saved checkpoint that no node can go on from is refused": unchanged(
    async ({ persistence, graph }) => {
      const save = (more: object) => () =>
        persistence.saveCheckpoint("t", seed("new", more), { graph });
      await refused("INVALID_ARGUMENT", "saveCheckpoint", [
        [/graph/, () => persistence.saveCheckpoint("t", seed("new"))],
        [/the input of "two" must be an object/, save({ lastInput: "text" })],
        [/"two" has no field "nope"/, save({ lastInput: { nope: 1 } })],
        [/messageHistory/, save({ messageHistory: ["text"] })],
        [/./, save({ lastOutput: "text" })],
      ]);
      await refused("NOT_FOUND", "saveCheckpoint", [[/"nope"/, save({ nodePath: "nope" })]]);
    },
  ),

  "what cannot be stored exactly is refused with its path": unchanged(
    async ({ persistence, graph }) => {
      for (const [bad, path] of UNSTORABLE) {
        await refused("NOT_SERIALIZABLE", "createCheckpoint", [
          [path, () => persistence.createCheckpoint("t", { properties: bad as object as never })],
          [path, () => persistence.createCheckpoint("t", { lastInput: bad })],
          [path, () => persistence.createCheckpoint("t", { lastOutput: { bad } })],
        ]);
        const note = bad as string;
        await refused("NOT_SERIALIZABLE", "saveCheckpoint", [
          [
            path,
            () => persistence.saveCheckpoint("t", seed("new", { properties: bad }), { graph }),
          ],
          [
            path,
            () => persistence.saveCheckpoint("t", seed("new", { lastInput: { note } }), { graph }),
          ],
          [
            path,
            () => persistence.saveCheckpoint("t", seed("new", { lastOutput: { note } }), { graph }),
          ],
        ]);
        const point = { graph, nodePath: "one", reopen: true };
        await refused("NOT_SERIALIZABLE", "setExecutionPoint", [
          [path, () => persistence.setExecutionPoint("t", { ...point, input: { note } })],
          [
            path,
            () =>
              persistence.setExecutionPoint("t", { ...point, position: "after", output: { note } }),
          ],
        ]);
      }
    },
  ),

  "a dry run, and whatever only reads, changes nothing": unchanged(
    async ({ persistence, graph, at }) => {
      const { checkpointId } = await at("one");
      for (const strategy of ["default", "messageHistoryOnly"] as const)
        await persistence.rollbackToCheckpoint("t", checkpointId, {
          graph,
          strategy,
          dryRun: true,
        });
      await persistence.rollbackToLatestCheckpoint("t", { dryRun: true });
      await persistence.rollbackToLatestCheckpoint("ended");
      await persistence.rollbackToLatestCheckpoint("none");
      await persistence.listCheckpoints("t");
      await persistence.toolCalls("t");
      await persistence.createTombstoneCheckpoint("ended");
    },
  ),
};
