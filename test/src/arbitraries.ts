import fc from "fast-check";

export const SESSIONS = ["s", "S", "s ", "é"];
export const NAMESPACES = ["", "a:1", "A:1", "#", `long ${"x".repeat(300)}`];
export const IDS = ["1", "2", "3", "10", "\u{1f600}", "\uffee"];
export const CHANNELS = ["a", "b", "__error__"];
export const NAMES = ["n", "N", "é"];
export const LABELS = ["l", "l ", "x".repeat(300)];
export const CALLS = ["c1", "C1"];
const TASKS = ["t1", "t2"];
const RUNS = ["r1", "R1", null];

export const from = <const T>(...list: readonly T[]) => fc.constantFrom(...list);
export const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

export const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  from('{"a":1}', "'", '"', "\\", "é\u{1f600}", "x".repeat(300)),
);
const time = fc.integer({ min: -1e13, max: 1e15 });

/** Without its version, which only a batch can give. */
export const checkpoint = fc.record({
  ns: from(...NAMESPACES),
  id: from(...IDS),
  parentId: from(null, ...IDS),
  step: from(null, -2, -1, 0, 7),
  source: from(null, "loop", "it's", ""),
  nodePath: from(null, "a/b"),
  tombstone: fc.boolean(),
  copyOf: fc.option(fc.nat(9), { nil: null }),
  name: from(null, ...NAMES),
  label: from(null, ...LABELS),
  properties: fc.option(text),
  runId: from(...RUNS),
  state: text,
  metadata: text,
  createdAt: time,
});

export const write = fc.record({
  ns: from(...NAMESPACES),
  checkpointId: from(...IDS),
  taskId: from(...TASKS),
  idx: from(-4, -1, 0, 1),
  taskPath: from("", "~p", "\u{1f600}"),
  channel: from(...CHANNELS),
  value: text,
});

export const nodeRun = fc.record({
  ns: from(...NAMESPACES),
  checkpointId: from(...IDS),
  taskId: from(...TASKS),
  attempt: from(1, 2),
  nodePath: text,
  step: from(null, -1, 0, 7),
  kind: from("pull", "push", "task"),
  status: from("ok", "error", "interrupted"),
  learnt: from("observed", "derived"),
  input: text,
  output: fc.option(text),
  error: fc.option(text),
  startedAt: fc.option(time),
  endedAt: time,
});

export const toolEvent = fc.record({
  callId: from(...CALLS),
  attempt: from(1, 2),
  event: from("started", "finished"),
  tool: text,
  ns: from(null, ...NAMESPACES),
  checkpointId: from(null, ...IDS),
  position: fc.nat(9),
  version: fc.nat(9),
  body: text,
  createdAt: time,
});
