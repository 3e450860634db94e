import { Runnable, type RunnableConfig } from "@langchain/core/runnables";
import type { IterableReadableStream } from "@langchain/core/utils/stream";
import type { Recording } from "./recording.js";
import { RecordedStream } from "./streams.js";

/** What can be wrapped: a compiled graph, an agent, or any Runnable. */
export interface Wrappable {
  // biome-ignore lint/suspicious/noExplicitAny: LangGraph's own types depend on the graph's state
  invoke(input: any, config?: any): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  stream(input: any, config?: any): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  streamEvents?(input: any, config: any, options?: any): any;
}

export type InputOf<R extends Wrappable> = Parameters<R["invoke"]>[0];
export type OutputOf<R extends Wrappable> = Awaited<ReturnType<R["invoke"]>>;
type ConfigOf<R extends Wrappable> = NonNullable<Parameters<R["invoke"]>[1]> & RunnableConfig;

/** Something wrapped: runs as before, with the types of before, and is a Runnable. */
export type Wrapped<R extends Wrappable> = Pick<R, Extract<keyof R, keyof Wrappable>> &
  Runnable<InputOf<R>, OutputOf<R>, ConfigOf<R>>;

/** Begins the recording of a run; to be called before anything else happens. */
export type BeginRecording = (config: RunnableConfig | undefined) => Recording;

/** A Runnable whose runs are recorded. */
export class RecordedRunnable<I, O> extends Runnable<I, O> {
  override lc_namespace = ["threadkeep"];
  readonly #inner: Wrappable;
  readonly #begin: BeginRecording;
  readonly #isGraph: boolean;

  constructor(inner: Wrappable, isGraph: boolean, begin: BeginRecording) {
    super();
    this.#inner = inner;
    this.#isGraph = isGraph;
    this.#begin = begin;
  }

  override async invoke(input: I, config?: Partial<RunnableConfig>): Promise<O> {
    const recording = this.#begin(config);
    const given = await recording.begin(input);
    let output: O;
    try {
      output = await this.#inner.invoke(given, recording.config(config));
    } catch (error) {
      await recording.breakOff(error);
      throw error;
    }
    await recording.end(this.#isGraph ? undefined : output);
    return output;
  }

  override async stream(
    input: I,
    config?: Partial<RunnableConfig>,
  ): Promise<IterableReadableStream<O>> {
    const recording = this.#begin(config);
    const given = await recording.begin(input);
    const source = async () => this.#inner.stream(given, recording.config(config));
    const iterator = await source().catch(async (error: unknown) => {
      await recording.breakOff(error);
      throw error;
    });
    return new RecordedStream<O>(async () => iterator, recording, !this.#isGraph);
  }

  /** Without this, `streamEvents` and other Runnables would stream by `invoke`. */
  override async *_streamIterator(input: I, config?: Partial<RunnableConfig>): AsyncGenerator<O> {
    yield* await this.stream(input, config);
  }

  // biome-ignore lint/suspicious/noExplicitAny: LangChain's overloads differ by version and encoding
  override streamEvents(input: I, config: any, options?: any): any {
    const recording = this.#begin(config);
    const events = async () => {
      const given = await recording.begin(input);
      const stream = this.#inner.streamEvents?.bind(this.#inner);
      if (stream === undefined) throw new TypeError("what was wrapped has no streamEvents");
      return stream(given, recording.config(config), options);
    };
    // LangGraph's version 3 gives a run of its own kind; its end is seen by callbacks.
    if (config?.version === "v3") return events();
    return new RecordedStream(events, recording, false);
  }
}
