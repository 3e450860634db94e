import type { BaseMessage } from "@langchain/core/messages";
import { StorageError } from "../errors.js";
import { ClassRegistry, type ValueClass } from "../state/classes.js";
import { Encoder } from "../state/encode.js";
import { Item } from "../state/item.js";
import { ItemLog } from "../state/item-log.js";
import { Reader } from "../state/manifest.js";
import type { Tree } from "../state/tree.js";

/** Messages to the text of a history's row, and back, exactly. */
export class MessageText {
  readonly #log: ItemLog;

  constructor(classes?: readonly ValueClass[] | ClassRegistry) {
    const registry = classes instanceof ClassRegistry ? classes : new ClassRegistry(classes);
    this.#log = new ItemLog(registry);
  }

  /**
   * @param i the message's place in the caller's list, for the path in an error
   * @throws StorageError `NOT_SERIALIZABLE` or `INVALID_ARGUMENT`
   */
  encode(operation: string, message: BaseMessage, i: number): string {
    const tree = new Encoder(this.#log.classes, ["messages", i]).encode(message) as Tree;
    const parts = (tree as { $message?: Tree[] } | null)?.$message;
    if (parts === undefined) {
      throw new StorageError("INVALID_ARGUMENT", operation, `messages[${i}] is no message`);
    }
    const item = new Item(this.#log, "message", parts);
    return JSON.stringify({ class: item.type, message: item.body(() => 0) });
  }

  /** @throws StorageError `CORRUPT` */
  decode(operation: string, content: string, position: number, sessionId: string): BaseMessage {
    try {
      const { class: type, message } = JSON.parse(content) as { class: string; message: Tree };
      const item = Item.read(this.#log, type, message);
      const reader = new Reader(this.#log, new Map([[1, item]]), []);
      return reader.item(1) as BaseMessage;
    } catch (error) {
      const place = `message ${position} of session ${JSON.stringify(sessionId)}`;
      throw new StorageError("CORRUPT", operation, `${place} cannot be read`, { cause: error });
    }
  }
}
