import { StorageError } from "../errors.js";
import type { ClassRegistry } from "../state/classes.js";
import { decodePlain, encodePlain } from "../state/plain.js";
import type { Tree } from "../state/tree.js";
import { checkObject } from "../storage/ids.js";
import type { Owner, SessionRecord } from "../storage/storage.js";

/**
 * What a session's root graph does: `running`, something is left to run, be it under way or cut off by a
 * crash (`updatedAt` tells how long ago); `interrupted`, it waits for a human; `failed`, a node threw;
 * `done`, nothing is left to run. An archived session is of no other status.
 */
export type SessionStatus = "running" | "interrupted" | "failed" | "done" | "archived";

/** A conversation and its owner. */
export interface Session extends Owner {
  /** LangGraph's `thread_id`. */
  readonly id: string;
  readonly title?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: SessionStatus;
  readonly createdAt: Date;
  /** The last activity; moves at most once a second. */
  readonly updatedAt: Date;
  readonly archivedAt?: Date;
}

/** How texts are stored. */
export interface PlainTexts {
  write(tree: Tree): string | Promise<string>;
  read(text: string): Tree | Promise<Tree>;
}

/** Between a session's metadata and its text. */
export class MetadataText {
  readonly #texts: PlainTexts;
  readonly #classes: ClassRegistry;

  constructor(texts: PlainTexts, classes: ClassRegistry) {
    this.#texts = texts;
    this.#classes = classes;
  }

  /** @throws StorageError `INVALID_ARGUMENT`; `NOT_SERIALIZABLE` naming the path */
  async write(operation: string, metadata: unknown): Promise<string> {
    checkObject(operation, "metadata", metadata);
    return this.#texts.write(encodePlain(this.#classes, "metadata", metadata));
  }

  async read({ id, metadata }: SessionRecord): Promise<Record<string, unknown>> {
    if (metadata === null) return {};
    try {
      const tree = await this.#texts.read(metadata);
      return decodePlain(this.#classes, tree) as Record<string, unknown>;
    } catch (cause) {
      const place = `metadata of session ${JSON.stringify(id)}`;
      throw new StorageError("CORRUPT", "read", `${place} cannot be read`, { cause });
    }
  }
}

export function statusOf({ status, endedAt }: SessionRecord): SessionStatus {
  return endedAt !== null ? "archived" : (status ?? "done");
}

export async function sessionOf(texts: MetadataText, record: SessionRecord): Promise<Session> {
  const { id, guard, title, createdAt, updatedAt, endedAt } = record;
  return {
    id,
    ...guard.owner,
    ...(title === null ? {} : { title }),
    metadata: await texts.read(record),
    status: statusOf(record),
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    ...(endedAt === null ? {} : { archivedAt: new Date(endedAt) }),
  };
}
