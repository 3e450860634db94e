/** One execution of one node. */
export interface Work {
  node: string;
  title: string;
  /** How many run at the same time. */
  of?: number;
  /** Which of them this is, from 1. */
  part?: number;
}

export interface Observer {
  started(work: Work): Promise<void> | void;
  finished(work: Work, outcome: string): void;
}

/** What a node does. The outcome is for people, the update for the graph. */
export interface Body<State, Update> {
  describe(state: State): Work;
  run(state: State): Promise<[update: Update, outcome: string]>;
}

/** Makes a graph's node that tells the observer when it starts and when it has finished. */
export function watch<State, Update>(observer: Observer, body: Body<State, Update>) {
  return async (state: State): Promise<Update> => {
    const work = body.describe(state);
    await observer.started(work);
    const [update, outcome] = await body.run(state);
    observer.finished(work, outcome);
    return update;
  };
}

export const silent: Observer = { started() {}, finished() {} };
