import { SqliteStorage } from "@threadkeep/sqlite";

/** For child processes. */
export default function connect(url: string): SqliteStorage {
  return SqliteStorage.connect(url);
}
