import {
  getContextVariable,
  registerConfigureHook,
  setContextVariable,
} from "@langchain/core/context";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import type { Recorder } from "./recorder.js";

/** All recorders of the runs around, the innermost last. */
const AROUND = "threadkeep_recorders";

let count = 0;

/** Puts recorders into LangChain's context, one variable for each saver. */
export class RecorderContext {
  readonly #variable: string;

  constructor() {
    count += 1;
    this.#variable = `threadkeep_recorder_${count}`;
    // Before Node 24 a storage that was never entered would lend what a run sets to its caller.
    AsyncLocalStorageProviderSingleton.getInstance().run({}, () => {});
  }

  /**
   * To be called synchronously in a run's first reading: from then on LangChain adds the recorder
   * to every call of this run, and of no other.
   * @param ns where the graph runs
   */
  enter(recorder: Recorder, ns: string): void {
    const around = (getContextVariable(AROUND) ?? []) as readonly Recorder[];
    for (const other of around) if (other !== recorder) other.leaveOut(ns);
    if (getContextVariable(this.#variable) === recorder) return;
    setContextVariable(AROUND, [...around, recorder]);
    registerConfigureHook({ contextVar: this.#variable });
    setContextVariable(this.#variable, recorder);
  }
}
