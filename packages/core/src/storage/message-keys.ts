import type { NewMessage } from "./session-records.js";

/** Of the messages of one key the first; no engine need know which of one append comes first. */
export function firstOfEachKey(messages: readonly NewMessage[]): NewMessage[] {
  const seen = new Set<string>();
  return messages.filter(({ key }) => {
    if (key === null) return true;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
