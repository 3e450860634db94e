import type { Owner } from "../storage/storage.js";

const EVERY_MS = 1000;

/** When a session's last activity and owner are noted: not at every step, since indexes hold them. */
export class Touch {
  #at = 0;
  #owner = "";

  isDue(now: number, owner: Owner): boolean {
    return now - this.#at >= EVERY_MS || JSON.stringify(owner) !== this.#owner;
  }

  done(now: number, owner: Owner): void {
    this.#at = now;
    this.#owner = JSON.stringify(owner);
  }
}
