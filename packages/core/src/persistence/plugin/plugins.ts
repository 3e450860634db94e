import type { SessionRecord } from "../../storage/storage.js";
import type { SessionPlugin } from "./plugin.js";

/** The plugins that are in use, for as long as somebody holds them. */
export class Plugins {
  readonly #known = new Set<WeakRef<SessionPlugin>>();
  readonly #gone = new FinalizationRegistry<WeakRef<SessionPlugin>>((plugin) =>
    this.#known.delete(plugin),
  );

  add(plugin: SessionPlugin): void {
    const known = new WeakRef(plugin);
    this.#known.add(known);
    this.#gone.register(plugin, known);
  }

  /** The plugins of the session's owner go on with it. */
  async follow({ id, storedId = id }: SessionRecord): Promise<void> {
    for (const known of this.#known) await known.deref()?.follow(storedId);
  }
}
