import { createMariadb, mysqlRows } from "../../servers/mariadb.js";
import { createPostgres, postgresRows } from "../../servers/postgres.js";

/** Where the two servers answer. */
export interface Urls {
  readonly postgres: string;
  readonly mysql: string;
}

export interface Hosts extends Urls {
  /** Products, versions and what a commit promises, for the report. */
  readonly line: string;
  remove(): Promise<void>;
}

const promised = {
  postgres: "fsync=on, synchronous_commit=on",
  mysql: "innodb_flush_log_at_trx_commit=1",
};

/** One server of each kind, whose commits are on the disk when they are acknowledged. */
export async function startHosts(): Promise<Hosts> {
  const [postgres, mariadb] = await Promise.all([createPostgres(), createMariadb()]);
  const remove = async () => {
    await Promise.all([postgres.remove(), mariadb.remove()]);
  };
  const urls = { postgres: postgres.url, mysql: mariadb.url };
  try {
    const durability = await durabilityOf(urls);
    for (const server of ["postgres", "mysql"] as const) {
      if (durability[server] === promised[server]) continue;
      throw new Error(`measured at ${durability[server]}: not comparable`);
    }
    const line = `${postgres.name} at ${durability.postgres}; ${mariadb.name} at ${durability.mysql}`;
    return { ...urls, line, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function durabilityOf(urls: Urls): Promise<Record<keyof Urls, string>> {
  const setting = (name: string) => `current_setting('${name}') AS ${name}`;
  const [own] = await postgresRows<Record<string, string>>(
    urls.postgres,
    `SELECT ${setting("fsync")}, ${setting("synchronous_commit")}`,
  );
  const [other] = await mysqlRows(urls.mysql, "SELECT @@innodb_flush_log_at_trx_commit AS flush");
  return {
    postgres: `fsync=${own!.fsync}, synchronous_commit=${own!.synchronous_commit}`,
    mysql: `innodb_flush_log_at_trx_commit=${other!.flush}`,
  };
}

/** What the server would find out by itself within minutes: how many rows there are. */
export async function analyze({ postgres }: Urls): Promise<void> {
  await postgresRows(postgres, "ANALYZE");
}
