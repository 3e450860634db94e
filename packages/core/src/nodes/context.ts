import {
  getContextVariable,
  registerConfigureHook,
  setContextVariable,
} from "@langchain/core/context";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import type { Recorder } from "./recorder.js";

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
   */
  enter(recorder: Recorder): void {
    if (getContextVariable(this.#variable) === recorder) return;
    registerConfigureHook({ contextVar: this.#variable });
    setContextVariable(this.#variable, recorder);
  }
}
