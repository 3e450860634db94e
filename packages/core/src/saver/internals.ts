import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { RecorderContext } from "../nodes/context.js";
import type { ValueClass } from "../state/classes.js";
import type { Storage } from "../storage/storage.js";
import { textsOf } from "./texts.js";
import { Threads } from "./threads.js";

/** Options of every saver. */
export interface SaverOptions {
  /** Classes, beside LangChain's and LangGraph's, whose instances may be stored and are revived. */
  readonly classes?: readonly ValueClass[];
  /** How many characters of stored items are kept in memory, over all threads. Default: 64 Mi. */
  readonly cacheChars?: number;
  /** Whether every execution of a node is recorded (and its step listed by `Persistence`). Default: `true`. */
  readonly enableAutomaticPersistence?: boolean;
  /** The time of node runs, in milliseconds since 1970. Default: `Date.now`. */
  readonly clock?: () => number;
}

/** What a saver works with. */
export interface Internals {
  readonly threads: Threads;
  readonly recorders: RecorderContext | undefined;
}

const SHARED = new WeakMap<SaverOptions, Internals>();

/** Options of a saver that works with what another one made. */
export function optionsWith(internals: Internals): SaverOptions {
  const options = {};
  SHARED.set(options, internals);
  return options;
}

export function internalsOf(
  storage: Storage,
  serde: SerializerProtocol | undefined,
  options: SaverOptions,
): Internals {
  const shared = SHARED.get(options);
  if (shared !== undefined) return shared;
  const texts = serde === undefined ? {} : { texts: textsOf(serde) };
  const { enableAutomaticPersistence = true } = options;
  return {
    threads: Threads.of(storage, { ...options, ...texts }),
    recorders: enableAutomaticPersistence ? new RecorderContext() : undefined,
  };
}
