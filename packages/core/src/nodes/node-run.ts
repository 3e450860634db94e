import type { NodeRunRecord } from "../storage/storage.js";

/** One execution of one node. */
export interface NodeRun {
  /** `node`, or `subgraph/…/node`, without task ids. */
  readonly nodePath: string;
  /** LangGraph's superstep; `null` where nobody saw it. */
  readonly step: number | null;
  readonly taskId: string;
  /** From 1: a retry, or a resume after an interrupt or a crash, is another one. */
  readonly attempt: number;
  /** `pull`: by an edge; `push`: by a `Send`; `task`: a function of the functional API. */
  readonly kind: NodeRunRecord["kind"];
  readonly status: NodeRunRecord["status"];
  /** `observed` by a callback, or `derived` from what the node wrote. */
  readonly learnt: NodeRunRecord["learnt"];
  /** What the node got; `undefined` too where `inputMissing` says why. */
  readonly input: unknown;
  /** Why there is no input: it had no exact form, or its checkpoint is gone. */
  readonly inputMissing?: string;
  /** What the node returned, where it was seen. */
  readonly output: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  /** Namespace and id of the checkpoint that the node read. */
  readonly checkpointNs: string;
  readonly checkpointId: string;
  /** Milliseconds since 1970; `null` where nobody saw it. */
  readonly startedAt: number | null;
  readonly endedAt: number;
}
