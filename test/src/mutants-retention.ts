import { MemoryStorage } from "@threadkeep/core";
import type { Batch, ItemSize, ListQuery, WriteRecord } from "@threadkeep/core/backend";
import { type Moving, moving, sealed, textOf } from "../suites/export-world.js";
import type { Backend } from "./harness.js";
import { onStorage } from "./mutant.js";

/** Backends with one fault each, which make a prune or an expiry lose something. */

/** Only whoever prunes asks for all checkpoints of a session without more ado. */
class KnowsNoAncestors extends MemoryStorage {
  override async list(query: ListQuery) {
    const page = await super.list(query);
    const { sessionId, limit, beforeVersion, ...others } = query;
    if (sessionId === undefined || limit !== 200 || Object.keys(others).length > 0) return page;
    return page.map((stored) => ({
      ...stored,
      checkpoint: { ...stored.checkpoint, parentId: null },
    }));
  }
}

class ForgetsPendingWrites extends MemoryStorage {
  override async sessionWrites(): Promise<WriteRecord[]> {
    return [];
  }
}

/** What was removed is removed, whoever wrote meanwhile. */
class IgnoresWriters extends MemoryStorage {
  override async commit(batch: Batch): Promise<boolean> {
    const now = batch.remove && (await this.guard(batch.sessionId));
    if (now === undefined) return super.commit(batch);
    const { epoch, token } = batch.next;
    return super.commit({ ...batch, expected: now, next: { ...now, epoch, token } });
  }
}

/** What other processes believe to be stored is not put in question. */
class KeepsItsEpoch extends MemoryStorage {
  override async commit(batch: Batch): Promise<boolean> {
    const epoch = batch.expected?.epoch ?? 0;
    return super.commit({ ...batch, next: { ...batch.next, epoch } });
  }
}

class CountsNoBytes extends MemoryStorage {
  override async itemSizes(sessionId: string): Promise<ItemSize[]> {
    return (await super.itemSizes(sessionId)).map((size) => ({ ...size, bytes: 1 }));
  }
}

class ErasesWhatWasTouched extends MemoryStorage {
  override deleteSession(sessionId: string): Promise<boolean> {
    return super.deleteSession(sessionId);
  }
}

/** Everybody's sessions are an owner's. */
class KnowsNoOwners extends MemoryStorage {
  override sessions(query: Parameters<MemoryStorage["sessions"]>[0]) {
    return super.sessions({ ...query, owner: {} });
  }
}

export const retentionMutants = {
  "prunes what a DeltaChannel is rebuilt from": onStorage(() => new KnowsNoAncestors()),
  "frees what pending writes name": onStorage(() => new ForgetsPendingWrites()),
  "prunes whoever writes": onStorage(() => new IgnoresWriters()),
  "tells nobody of a prune": onStorage(() => new KeepsItsEpoch()),
  "counts no bytes": onStorage(() => new CountsNoBytes()),
  "expires what was touched": onStorage(() => new ErasesWhatWasTouched()),
  "expires anybody's sessions": onStorage(() => new KnowsNoOwners()),
} satisfies Record<string, Backend>;

/** Whole lines of a file, its end aside, and the counters that would fit them. */
function mended(text: string): string {
  const lines = text.split("\n").slice(0, -1);
  const rows = lines.filter((line) => !line.startsWith('{"end"'));
  const numbers = (field: string) =>
    rows.map((line) => Number(JSON.parse(line).row?.[field] ?? 0) + 1);
  const nextItem = Math.max(1, ...numbers("seq"), ...numbers("position"));
  const nextVersion = Math.max(1, ...numbers("version"));
  const guard = { nextItem, nextVersion, nextMessage: nextItem, rollbacks: 0 };
  return sealed(rows, { guard });
}

const importsAnyway: Moving = {
  ...moving,
  importSession: async (storage, source, options) => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of source)
      text += typeof piece === "string" ? piece : decoder.decode(piece);
    return moving.importSession(storage, [mended(text)], options);
  },
};

const cutsCharacters: Moving = {
  ...moving,
  importSession: async (storage, source, options) => {
    const texts: string[] = [];
    for await (const piece of source)
      texts.push(typeof piece === "string" ? piece : new TextDecoder().decode(piece));
    return moving.importSession(storage, texts, options);
  },
};

/** Takes only the items that were there at the beginning. */
const readsGuardFirst: Moving = {
  ...moving,
  exportSession: async function* (storage, id) {
    const { nextItem } = (await storage.guard(id)) ?? { nextItem: 1 };
    const lines: string[] = [];
    for await (const line of moving.exportSession(storage, id)) {
      const isLater = JSON.parse(line).row?.seq >= nextItem;
      if (!isLater) lines.push(line);
      // So that whoever reads may write meanwhile.
      if (lines.length > 1 && !line.startsWith('{"end"') && !isLater) yield "";
    }
    const { guard } = JSON.parse(lines.pop() as string) as { guard: object };
    yield sealed(
      lines.map((line) => line.trimEnd()),
      { guard: { ...guard } },
    );
  },
};

/** Does not look whether the session is still what it was. */
const exportsRemains: Moving = {
  ...moving,
  exportSession: async function* (storage, id) {
    const text = await textOf(moving.exportSession(storage, id));
    for (const line of text.split(/(?<=\n)/)) yield line;
  },
};

export const movingMutants = {
  "does not check the end of a file": importsAnyway,
  "decodes each piece by itself": cutsCharacters,
  "reads the counters first": readsGuardFirst,
  "does not see a session go": exportsRemains,
} satisfies Record<string, Moving>;
