import { concat, IterableReadableStream } from "@langchain/core/utils/stream";
import type { Recording } from "./recording.js";

/** What a stream is made of, which may have to be waited for. */
type Source<T> = () => Promise<AsyncIterator<T>>;

/** A stream that ends the recording of its run, in whatever way it ends itself. */
export class RecordedStream<T> extends IterableReadableStream<T> {
  /** @param sums whether the pieces make the output, put together */
  constructor(source: Source<T>, recording: Recording, sums: boolean) {
    let iterator: AsyncIterator<T> | undefined;
    let isOver = false;
    let sum: unknown;
    const pull = async (controller: ReadableStreamDefaultController<T>): Promise<void> => {
      try {
        iterator ??= await source();
        const { value, done } = await iterator.next();
        if (isOver) return;
        if (done !== true) {
          if (sums) sum = sum === undefined ? value : added(sum, value);
          controller.enqueue(value);
          return;
        }
        isOver = true;
        await recording.end(sum);
        controller.close();
      } catch (error) {
        if (isOver) throw error;
        isOver = true;
        await recording.breakOff(error, sum);
        throw error;
      }
    };
    const cancel = async (): Promise<void> => {
      isOver = true;
      const recorded = recording.breakOff(undefined, sum);
      recording.stop();
      await recorded;
      // Whatever the run has to say of being stopped, nobody is there to hear it.
      await iterator?.return?.().catch(() => {});
    };
    // Nothing is taken ahead of the consumer: where he stops, the run is told at once.
    super({ pull, cancel }, { highWaterMark: 0 });
  }
}

/** Pieces that cannot be put together make no output. */
function added(sum: unknown, value: unknown): unknown {
  try {
    return concat(sum as string, value as string);
  } catch {
    return value;
  }
}
