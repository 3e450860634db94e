import type { Batch } from "../storage/storage.js";
import type { Statement } from "./driver.js";
import { namespaceKey } from "./namespace.js";
import { checkpointParams, newSessionParams, ownerParams, writeParams } from "./rows.js";
import type { Statements } from "./statements.js";

/** A batch as statements. The first one moves the guard, and all depend on it. */
export function batchStatements(s: Statements, batch: Batch): Statement[] {
  const { sessionId } = batch;
  const statements: Statement[] = [moveGuard(s, batch)];
  for (const { seq, type, body } of batch.items) {
    statements.push({ text: s.insertItem, params: [sessionId, seq, type, body] });
  }
  for (const checkpoint of batch.checkpoints) {
    statements.push({ text: s.insertCheckpoint, params: checkpointParams(sessionId, checkpoint) });
  }
  for (const write of batch.writes) {
    statements.push({ text: s.insertWrite(write.idx < 0), params: writeParams(sessionId, write) });
  }
  return [...statements, ...removal(s, batch)];
}

function moveGuard(s: Statements, batch: Batch): Statement {
  const { sessionId, owner, expected, next, now } = batch;
  if (expected === undefined) {
    const params = newSessionParams(sessionId, owner, next, now);
    return { text: s.createSession, params, expect: 1 };
  }
  const set = [next.nextItem, next.nextVersion, next.epoch, next.token];
  const touch = [now, ...ownerParams(owner)];
  const where = [
    sessionId,
    expected.nextItem,
    expected.nextVersion,
    expected.incarnation,
    expected.epoch,
  ];
  if (batch.remove !== undefined) {
    const params = [...set, ...where, expected.token];
    return { text: s.moveGuardExactly, params, expect: 1 };
  }
  return batch.touch
    ? { text: s.touchGuard, params: [...set, ...touch, ...where], expect: 1 }
    : { text: s.moveGuard, params: [...set, ...where], expect: 1 };
}

function removal(s: Statements, { sessionId, remove }: Batch): Statement[] {
  if (remove === undefined) return [];
  const checkpoints = remove.checkpoints.flatMap(({ ns, id }) =>
    (["agent_state", "state_writes"] as const).map((table) => ({
      text: s.deleteCheckpoint(table),
      params: [sessionId, namespaceKey(ns), id],
    })),
  );
  const items = remove.items.map(([first, last]) => ({
    text: s.deleteItems,
    params: [sessionId, first, last],
  }));
  return [...checkpoints, ...items];
}
