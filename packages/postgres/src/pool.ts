import { parseUrl, placeOf } from "@threadkeep/core/backend";
import pg from "pg";

const DEFAULTS: pg.PoolConfig = {
  connectionTimeoutMillis: 30_000,
  query_timeout: 30_000,
  keepAlive: true,
};

/**
 * Makes a pool, which sends nothing before its first use, and tells where it leads, without a password.
 * @throws StorageError `INVALID_ARGUMENT` for what is no PostgreSQL URL
 */
export function openPool(url: string, options?: pg.PoolConfig): { pool: pg.Pool; place: string } {
  const parsed = parseUrl(url, /^postgres(ql)?:$/, "postgres://user:password@host:port/database");
  const host = parsed.hostname || parsed.searchParams.get("host") || "localhost";
  const pool = new pg.Pool({ ...DEFAULTS, ...options, connectionString: url });
  return { pool, place: placeOf(parsed, 5432, host) };
}
