/** What a backend package is made of. */
export { StorageError, type StorageErrorCode } from "./errors.js";
export type {
  Column,
  ColumnType,
  Conflict,
  Dialect,
  Index,
  Table,
  TableName,
} from "./sql/dialect.js";
export type { Driver, Param, Row, Statement, Step } from "./sql/driver.js";
export { SqlStorage } from "./sql/sql-storage.js";
export type * from "./storage/storage.js";
