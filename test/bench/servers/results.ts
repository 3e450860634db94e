import type { StateKind } from "../states.js";
import type { CacheState, ThreadKind } from "../turns.js";
import type { RateFigure, ReadFigure, ReadOperation, ServerSubject } from "./calls.js";
import type { ServerDiskFigure } from "./disk.js";
import type { ServerHistoryFigure } from "./history.js";
import type { ServerSaver } from "./savers.js";
import type { ServerContender, ServerTurnFigure } from "./turns.js";
import type { WireFigure } from "./wire.js";

/** What one run has measured on servers. A figure that it did not take is `undefined`. */
export class ServerResults {
  /** Which servers, and what a commit promises there. */
  line = "";
  readonly turns: ServerTurnFigure[] = [];
  readonly disk: ServerDiskFigure[] = [];
  readonly rates: RateFigure[] = [];
  readonly reads: ReadFigure[] = [];
  readonly wire: WireFigure[] = [];
  readonly history: ServerHistoryFigure[] = [];

  turn(
    saver: ServerContender["saver"],
    turns: number,
    caches: CacheState = "warm",
    thread: ThreadKind = "seeded",
  ): number | undefined {
    return this.turns.find(
      (it) =>
        it.saver === saver && it.turns === turns && it.caches === caches && it.thread === thread,
    )?.milliseconds;
  }

  size(saver: ServerSaver, turns: number): ServerDiskFigure | undefined {
    return this.disk.find((it) => it.saver === saver && it.turns === turns);
  }

  rate(subject: ServerSubject, concurrency: number): number | undefined {
    return this.rates.find((it) => it.subject === subject && it.concurrency === concurrency)
      ?.perSecond;
  }

  read(
    saver: ServerSaver,
    operation: ReadOperation,
    kind: StateKind,
    size: number,
    caches: CacheState = "warm",
  ): number | undefined {
    return this.reads.find(
      (it) =>
        it.saver === saver &&
        it.operation === operation &&
        it.kind === kind &&
        it.size === size &&
        it.caches === caches,
    )?.milliseconds;
  }

  wireOf(
    saver: ServerSaver,
    caches: CacheState,
    turns: number,
    isDelayed: boolean,
  ): WireFigure | undefined {
    return this.wire.find(
      (it) =>
        it.saver === saver &&
        it.caches === caches &&
        it.turns === turns &&
        (it.delay !== undefined) === isDelayed,
    );
  }

  historyOf(saver: ServerSaver, caches: CacheState = "warm"): ServerHistoryFigure | undefined {
    return this.history.find((it) => it.saver === saver && it.caches === caches);
  }
}
