/** What a backend package is made of. */
export { StorageError, type StorageErrorCode } from "./errors.js";
export type {
  Column,
  ColumnType,
  Conflict,
  Dialect,
  Index,
  Insert,
  Table,
  TableName,
} from "./sql/dialect.js";
export type { Driver, Param, Row, Statement, Step } from "./sql/driver.js";
export { Gate } from "./sql/gate.js";
export { migrationSql, type SetupMode } from "./sql/migrator.js";
export { SqlStorage, type StorageOptions } from "./sql/sql-storage.js";
export type * from "./storage/storage.js";
