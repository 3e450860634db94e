import assert from "node:assert/strict";
import { SqlStorage } from "@threadkeep/core/backend";
import { brokenStorages, inlining, padding } from "../faults/overriding.js";
import type { GroundChecks } from "../faults/register.js";
import type { Served } from "../faults/served.js";
import { bundled } from "../src/bundled.js";
import { terminations } from "./faults.js";
import { lostReplies } from "./faults-replies.js";
import { hostilePayloads } from "./hostile.js";

async function assertCaught(check: Promise<unknown>, how: RegExp): Promise<void> {
  const error = await check.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error !== undefined, "the check passed on a broken storage");
  assert.match(`${String(error)} ${String((error as Error).cause)}`, how);
}

const doubles = new URL("../faults/broken-open.ts", import.meta.url).href;

/** A module that opens the storage of another one, broken. */
const broken = ({ module }: Served, how: string) =>
  `${doubles}?${new URLSearchParams({ module: bundled(module), how })}`;

const records = /other records than without faults/;

/** Doubles with one fault each: a suite that passes one of them proves nothing. */
export const mutantChecks: GroundChecks = {
  "taking a lost commit for written is caught by lost replies": (ground) =>
    assertCaught(
      lostReplies(ground, 20, brokenStorages["takes a lost commit for written"]),
      records,
    ),
  "not knowing one's own commit again is caught by lost replies": (ground) =>
    assertCaught(
      lostReplies(ground, 20, brokenStorages["does not know its own commit again"]),
      records,
    ),
  "appending lost messages again is caught by lost replies": (ground) =>
    assertCaught(lostReplies(ground, 20, brokenStorages["appends lost messages again"]), records),
  "taking a lost commit for written is caught by broken connections": (ground) =>
    assertCaught(
      terminations(ground, 100, broken(ground.served, "takes a lost commit for written")),
      /acknowledged \w+ are lost/,
    ),
  "a process that does not survive a lost connection is caught by broken connections": (ground) =>
    assertCaught(
      terminations(ground, 20, broken(ground.served, "dies of a lost connection")),
      /the process ended: .*dies of it/s,
    ),
  "a string in a statement's text is caught by hostile strings": (ground) =>
    assertCaught(
      hostilePayloads(ground, 2, ({ served }, url) => {
        const { driver, dialect } = served.halves(url);
        return new SqlStorage(inlining(driver), dialect);
      }),
      /statements that harmless strings do not lead to/,
    ),
  "ids without their trailing spaces are caught by hostile strings": (ground) =>
    assertCaught(
      hostilePayloads(ground, 20, ({ served }, url) => padding(served.open(url))),
      /Property failed/,
    ),
};
