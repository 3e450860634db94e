import { createHash, randomUUID } from "node:crypto";
import { StorageError } from "../errors.js";
import { MessageText } from "../history/message-text.js";
import { type DanglingCall, danglingCalls, interruptedResult } from "../history/tool-calls.js";
import type { Guard, MessageRecord, NewMessage } from "../storage/storage.js";
import type { Core } from "./core.js";

const PAGE = 256;

/** The calls of a chat history that have no result. */
export interface HistoryEnd {
  /** Those at its end, behind which their results can still stand. */
  readonly last: readonly (DanglingCall & { readonly position: number })[];
  readonly earlier: readonly DanglingCall[];
}

export async function readHistoryEnd(core: Core, sessionId: string): Promise<HistoryEnd> {
  const records: MessageRecord[] = [];
  for (;;) {
    const before = records[0]?.position;
    const page = await core.storage.messages(sessionId, {
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    });
    records.unshift(...page);
    if (page.length < PAGE) break;
  }
  const text = new MessageText(core.thread(sessionId).log.classes);
  const messages = records.map(({ content, position }) =>
    text.decode("repair", content, position, sessionId),
  );
  const dangling = danglingCalls(messages);
  return {
    last: dangling
      .filter(({ behind }) => behind === messages.length)
      .map((call) => ({ ...call, position: (records[call.at] as MessageRecord).position })),
    earlier: dangling.filter(({ behind }) => behind < messages.length),
  };
}

/**
 * Appends the results of the calls at the end of a chat history, each once, whoever repairs it too.
 * @returns `false` where the session is another one by now
 */
export async function appendResults(
  core: Core,
  sessionId: string,
  { last }: HistoryEnd,
  guard: Guard,
): Promise<boolean> {
  const text = new MessageText(core.thread(sessionId).log.classes);
  const now = core.clock();
  const messages = last.map(({ call, position }, i): NewMessage => {
    const key = createHash("sha256")
      .update(JSON.stringify([position, call.id]))
      .digest("hex");
    const message = interruptedResult(call, key);
    const content = text.encode("repair", message, i);
    return { id: key, key: `repair ${key}`, role: "tool", content, metadata: null, createdAt: now };
  });
  const fresh = {
    incarnation: guard.incarnation,
    now,
    token: randomUUID(),
    only: guard.incarnation,
  };
  const append = () => core.storage.appendMessages(sessionId, {}, { messages }, fresh);
  try {
    return await append();
  } catch (error) {
    // The keys let it be sent again, whether or not it was written.
    if (!(error instanceof StorageError && error.code === "CONNECTION_LOST")) throw error;
    return append();
  }
}
