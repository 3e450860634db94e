import { Inbox, type Protocol, type Reader, type Sent } from "./protocol.js";

const QUERY = 0x03;
const PREPARE = 0x16;
const EXECUTE = 0x17;
const HEAD = 4;

const size = (bytes: Buffer) => (bytes.length < HEAD ? undefined : HEAD + bytes.readUIntLE(0, 3));

/** The protocol of MySQL and MariaDB, without encryption and compression. */
class MysqlReader implements Reader {
  readonly #sent = new Inbox();
  readonly #received = new Inbox();
  readonly #texts = new Map<number, string>();
  #preparing: string | undefined;

  fromClient(chunk: Buffer): Sent[] {
    return this.#sent.push(chunk, size).flatMap((packet) => this.#statement(packet) ?? []);
  }

  #statement(packet: Buffer): Sent | undefined {
    // A command begins a new sequence; the answers to the server's greeting do not.
    if (packet[3] !== 0) return undefined;
    const text = packet.subarray(HEAD + 1).toString();
    switch (packet[HEAD]) {
      case QUERY:
        return { text, runs: true };
      case PREPARE:
        this.#preparing = text;
        return { text, runs: false };
      case EXECUTE:
        return { text: this.#texts.get(packet.readUInt32LE(HEAD + 1)) ?? "", runs: true };
    }
    return undefined;
  }

  fromServer(chunk: Buffer): boolean {
    const packets = this.#received.push(chunk, size);
    for (const packet of packets) {
      if (this.#preparing !== undefined && packet[HEAD] === 0) {
        this.#texts.set(packet.readUInt32LE(HEAD + 1), this.#preparing);
      }
      this.#preparing = undefined;
    }
    return packets.length > 0;
  }
}

export const mysqlProtocol: Protocol = { reader: () => new MysqlReader() };
