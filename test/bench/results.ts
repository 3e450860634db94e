import type { CallFigure, Operation, StoredFigure, Subject } from "./calls.js";
import type { Synchronous } from "./database.js";
import type { DiskFigure } from "./disk.js";
import type { HistoryFigure } from "./history.js";
import type { NodeFigure } from "./nodes.js";
import type { SaverName } from "./savers.js";
import { ServerResults } from "./servers/results.js";
import type { SessionFigure } from "./sessions.js";
import type { StateKind } from "./states.js";
import type { TranscriptFigure } from "./transcripts.js";
import type { CacheState, ThreadKind, TurnFigure } from "./turns.js";

export interface Machine {
  readonly cores: number;
  readonly node: string;
  readonly sqlite: string;
}

/** All that one run has measured. A figure that this run did not take is `undefined`. */
export class Results {
  readonly machine: Machine;
  readonly turns: TurnFigure[] = [];
  readonly disk: DiskFigure[] = [];
  readonly calls: CallFigure[] = [];
  readonly stored: StoredFigure[] = [];
  readonly history: HistoryFigure[] = [];
  readonly nodes: NodeFigure[] = [];
  readonly sessions: SessionFigure[] = [];
  readonly transcripts: TranscriptFigure[] = [];
  readonly servers = new ServerResults();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  turn(
    saver: SaverName,
    turns: number,
    thread: ThreadKind = "seeded",
    caches: CacheState = "warm",
  ): number | undefined {
    return this.turns.find(
      (it) =>
        it.saver === saver && it.turns === turns && it.thread === thread && it.caches === caches,
    )?.milliseconds;
  }

  file(saver: SaverName, turns: number): DiskFigure | undefined {
    return this.disk.find((it) => it.saver === saver && it.turns === turns);
  }

  call(
    subject: Subject,
    operation: Operation,
    kind: StateKind,
    size: number,
    caches: CacheState = "warm",
    synchronous: Synchronous = "FULL",
  ): number | undefined {
    return this.calls.find(
      (it) =>
        it.subject === subject &&
        it.operation === operation &&
        it.kind === kind &&
        it.size === size &&
        it.caches === caches &&
        it.synchronous === synchronous,
    )?.milliseconds;
  }

  storedBy(saver: SaverName, kind: StateKind, size: number): StoredFigure | undefined {
    return this.stored.find((it) => it.saver === saver && it.kind === kind && it.size === size);
  }

  historyOf(saver: SaverName, caches: CacheState = "warm"): HistoryFigure | undefined {
    return this.history.find((it) => it.saver === saver && it.caches === caches);
  }
}
