/** A statement that a client sent. */
export interface Sent {
  readonly text: string;
  /** Not only prepared. */
  readonly runs: boolean;
}

/** Follows one connection. */
export interface Reader {
  /** @returns the statements that these bytes complete */
  fromClient(chunk: Buffer): Sent[];
  /** @returns whether the server now waits for the client */
  fromServer(chunk: Buffer): boolean;
}

export interface Protocol {
  reader(): Reader;
}

/** Bytes that come in pieces, taken in messages. */
export class Inbox {
  #bytes: Buffer = Buffer.alloc(0);

  /** @param length of the first message, `undefined` where its head is not there yet */
  push(chunk: Buffer, length: (bytes: Buffer) => number | undefined): Buffer[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const size = length(this.#bytes);
      if (size === undefined || this.#bytes.length < size) return messages;
      messages.push(this.#bytes.subarray(0, size));
      this.#bytes = this.#bytes.subarray(size);
    }
  }
}

/** Tells which statements make something durable. */
export class Transaction {
  #open = false;

  /** @returns whether the statement commits */
  runs(text: string): boolean {
    const word = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase();
    if (word === "BEGIN" || word === "START") this.#open = true;
    if (word === "COMMIT" || word === "ROLLBACK") {
      const wasOpen = this.#open;
      this.#open = false;
      return wasOpen && word === "COMMIT";
    }
    const writes = /^\s*(INSERT|UPDATE|DELETE|WITH head AS)/.test(text);
    return writes && !this.#open;
  }
}
