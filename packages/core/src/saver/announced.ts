import { storedChannels } from "../state/manifest.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";

const PAGE = 100;

/**
 * Which of the channels carry a version that no `put` of this namespace ever announced: such a
 * value is not the checkpoint's to store (LangGraph contract, `newVersions`).
 *
 * Normally this process has seen the announcement. Where it has not, the stored checkpoints are
 * asked, newest first.
 */
export async function announcedBefore(
  threads: Threads,
  thread: Thread,
  ns: string,
  channels: readonly string[],
  versions: Readonly<Record<string, unknown>>,
): Promise<ReadonlySet<string>> {
  const unknown = () =>
    channels.filter((channel) => !thread.announced.has(ns, channel, versions[channel]));
  let open = unknown();
  let beforeVersion: number | undefined;
  while (open.length > 0) {
    const page = await threads.storage.list({
      sessionId: thread.id,
      ns,
      limit: PAGE,
      ...(beforeVersion === undefined ? {} : { beforeVersion }),
    });
    for (const { checkpoint } of page) {
      const stored = storedChannels(await threads.texts.read(checkpoint.state));
      for (const channel of stored.values) {
        const version = stored.versions[channel];
        if (version !== undefined) thread.announced.add(ns, channel, version);
      }
    }
    open = unknown();
    beforeVersion = page[page.length - 1]?.checkpoint.version;
    if (page.length < PAGE) break;
  }
  return new Set(open);
}
