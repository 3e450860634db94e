import { ownerFieldsOf } from "../sessions/owner-query.js";
import type { EraseReport } from "../sessions/sessions.js";
import { checkId } from "../storage/ids.js";
import type { Owner } from "../storage/storage.js";
import type { Core } from "./core.js";

const PAGE = 100;

/**
 * Removes a session, or all of an owner's, one after the other until none is left. Runs under way cannot
 * bring one back.
 */
export async function erase(core: Core, target: string | Owner): Promise<EraseReport> {
  if (typeof target === "string")
    return eraseSessions(core, [checkId("erase", "sessionId", target)]);
  const owner = ownerFieldsOf("erase", target);
  let report = NOTHING;
  for (;;) {
    const page = await core.storage.sessions({ owner, limit: PAGE });
    if (page.length === 0) return report;
    report = added(
      report,
      await eraseSessions(
        core,
        page.map(({ id }) => id),
      ),
    );
  }
}

const NOTHING: EraseReport = { sessions: 0, rows: 0, bytes: 0, tables: {} };

async function eraseSessions(core: Core, ids: readonly string[]): Promise<EraseReport> {
  let report = NOTHING;
  for (const id of ids) {
    const sizes = await core.storage.sizes(id);
    if (!(await core.thread(id).delete())) continue;
    const tables = Object.fromEntries(sizes.map(({ table, rows }) => [table, rows]));
    const rows = sizes.reduce((sum, size) => sum + size.rows, 0);
    const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
    report = added(report, { sessions: 1, rows, bytes, tables });
  }
  return report;
}

function added(a: EraseReport, b: EraseReport): EraseReport {
  const names = new Set([...Object.keys(a.tables), ...Object.keys(b.tables)]);
  const sum = (name: string) => (a.tables[name] ?? 0) + (b.tables[name] ?? 0);
  return {
    sessions: a.sessions + b.sessions,
    rows: a.rows + b.rows,
    bytes: a.bytes + b.bytes,
    tables: Object.fromEntries([...names].map((name) => [name, sum(name)])),
  };
}
