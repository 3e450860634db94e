import { Inbox, type Protocol, type Reader, type Sent } from "./protocol.js";

/** PostgreSQL's protocol, version 3, without encryption. */
class PostgresReader implements Reader {
  readonly #sent = new Inbox();
  readonly #received = new Inbox();
  readonly #texts = new Map<string, string>();
  #hasStarted = false;

  fromClient(chunk: Buffer): Sent[] {
    const messages = this.#sent.push(chunk, (bytes) => {
      // The first message bears no type.
      const head = this.#hasStarted ? 1 : 0;
      if (bytes.length < head + 4) return undefined;
      this.#hasStarted = true;
      return head + bytes.readUInt32BE(head);
    });
    return messages.flatMap((message) => this.#statement(message) ?? []);
  }

  #statement(message: Buffer): Sent | undefined {
    const [first = "", second = ""] = message.subarray(5).toString().split("\0", 2);
    switch (String.fromCharCode(message[0] as number)) {
      case "Q":
        return { text: first, runs: true };
      case "P":
        this.#texts.set(first, second);
        return { text: second, runs: false };
      case "B":
        return { text: this.#texts.get(second) ?? "", runs: true };
    }
    return undefined;
  }

  fromServer(chunk: Buffer): boolean {
    const messages = this.#received.push(chunk, (bytes) =>
      bytes.length < 5 ? undefined : 1 + bytes.readUInt32BE(1),
    );
    return messages.some((message) => message[0] === "Z".charCodeAt(0));
  }
}

export const postgresProtocol: Protocol = { reader: () => new PostgresReader() };

/** An error message: the connection is terminated by an administrator's command. */
export function terminated(): Buffer {
  const fields = ["SFATAL", "VFATAL", "C57P01", "Mterminating connection", "", ""].join("\0");
  const body = Buffer.from(fields);
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
