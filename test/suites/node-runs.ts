import assert from "node:assert/strict";
import { CallbackManager } from "@langchain/core/callbacks/manager";
import { place } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { assertPlaced, assertSeen, nodeRuns, Witness } from "../src/node-witness.js";
import { ALL_PATHS, likenesses, runEverything } from "./node-runs-graphs.js";
import { inputChecks } from "./node-runs-inputs.js";
import { keptChecks } from "./node-runs-kept.js";
import { modeChecks } from "./node-runs-modes.js";
import { pathChecks } from "./node-runs-paths.js";
import { shapeChecks } from "./node-runs-shapes.js";
import { valueChecks } from "./node-runs-values.js";

const promiseChecks: Checks = {
  "in every durability each run is what a callback handler saw": async (db) => {
    for (const durability of DURABILITIES) {
      const witness = new Witness();
      const config = { ...threadConfig(durability), durability, callbacks: [witness] };
      await runEverything(() => db.saver(), config);
      const runs = await assertSeen(db.saver(), durability, witness);
      assertSame(runs.map(({ nodePath }) => nodePath).sort(), ALL_PATHS, durability);
    }
  },

  "whether a user has callbacks of her own makes no difference": async (db) => {
    for (const durability of DURABILITIES) {
      const witness = new Witness();
      const managed = new CallbackManager();
      managed.addHandler(new Witness());
      const ways = { none: undefined, empty: [], own: [witness], managed };
      const found: string[][] = [];
      for (const [way, callbacks] of Object.entries(ways)) {
        const thread = `${durability} ${way}`;
        const given = callbacks === undefined ? {} : { callbacks };
        await runEverything(() => db.saver(), { ...threadConfig(thread), durability, ...given });
        found.push(likenesses(await nodeRuns(db.saver(), thread)));
      }
      assert.equal(found[0]?.length, ALL_PATHS.length);
      for (const likes of found) assertSame(likes, found[0], durability);
      await assertSeen(db.saver(), `${durability} own`, witness);
    }
  },

  "every run names a checkpoint that is there, which but for exit is the step's before": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      await runEverything(() => db.saver(), { ...threadConfig(durability), durability });
      const runs = await nodeRuns(db.saver(), durability);
      await assertPlaced(db.saver(), durability, runs);
      for (const { step, checkpointNs, checkpointId } of durability === "exit" ? [] : runs) {
        const tuple = await db.saver().getTuple(place(durability, checkpointId, checkpointNs));
        assert.equal(tuple?.metadata?.step, (step as number) - 1);
      }
    }
  },
};

export const nodeRunChecks: Checks = {
  ...promiseChecks,
  ...shapeChecks,
  ...valueChecks,
  ...inputChecks,
  ...modeChecks,
  ...pathChecks,
  ...keptChecks,
};
