import type { Session } from "../../sessions/session.js";
import { isOf } from "../../storage/owners.js";
import type { Owner } from "../../storage/storage.js";
import type { SessionPlugin } from "./plugin.js";

interface Known {
  readonly plugin: WeakRef<SessionPlugin>;
  readonly owner: Owner;
}

/** The plugins that are in use, for as long as somebody holds them. */
export class Plugins {
  readonly #known = new Set<Known>();
  readonly #gone = new FinalizationRegistry<Known>((known) => this.#known.delete(known));

  /** @param owner whose sessions the plugin can see */
  add(plugin: SessionPlugin, owner: Owner): void {
    const known = { plugin: new WeakRef(plugin), owner };
    this.#known.add(known);
    this.#gone.register(plugin, known);
  }

  /** The plugins of the session's owner go on with it. */
  follow(session: Session): void {
    for (const { plugin, owner } of this.#known) {
      if (isOf(session, owner)) plugin.deref()?.follow(session.id);
    }
  }
}
