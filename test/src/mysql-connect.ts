import { MysqlStorage } from "@threadkeep/mysql";

/** For child processes. */
export default function connect(url: string): MysqlStorage {
  return MysqlStorage.connect(url, { pool: { connectionLimit: 4 } });
}
