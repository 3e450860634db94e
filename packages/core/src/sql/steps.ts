import type { Row, Step } from "./driver.js";

/** Runs steps one after the other; the error of one is thrown at its `yield`. */
export async function runSteps<T>(
  steps: Generator<Step, T, Row[]>,
  run: (step: Step) => Promise<Row[]>,
): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    try {
      step = steps.next(await run(step.value));
    } catch (error) {
      step = steps.throw(error);
    }
  }
  return step.value;
}
