import type { ClassRegistry } from "../state/classes.js";
import type { Texts } from "./texts.js";

/** What all threads have in common. */
export interface ThreadTools {
  readonly texts: Texts;
  readonly classes: ClassRegistry;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}
