import { PostgresStorage } from "@threadkeep/postgres";

/** For child processes: the schema stands behind the URL. */
export default function connect(url: string): PostgresStorage {
  const [server = "", schema = ""] = url.split(" ");
  return PostgresStorage.connect(server, { schema, pool: { max: 4 } });
}
