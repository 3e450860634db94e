/** Tells the checkpoints of a thread apart, whose ids may recur from one namespace to another. */
export function checkpointKey(ns: string, id: string): string {
  return JSON.stringify([ns, id]);
}
