import type { Database, Statement } from "better-sqlite3";
import { closeDatabase } from "./database.js";

/** One prepared insert of one text, committed by itself: what no SQLite saver can go below. */
export class RawTable {
  readonly #db: Database;
  readonly #insert: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#db.exec("CREATE TABLE raw (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
    this.#insert = this.#db.prepare("INSERT INTO raw (body) VALUES (?)");
  }

  insert(body: string): void {
    this.#insert.run(body);
  }

  close(): void {
    closeDatabase(this.#db);
  }
}
