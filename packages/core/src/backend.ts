/** What a backend package is made of. */
export { StorageError, type StorageErrorCode } from "./errors.js";
export {
  type DecodedRow,
  inOrderMade,
  readTableRow,
  type TableHeader,
  type TableWrite,
} from "./saver/checkpoint-tables.js";
export { type Connection, runBatch, transaction } from "./sql/connection.js";
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
export { checkPrefix, checkSchema } from "./sql/place.js";
export { OWN_TABLES } from "./sql/schema.js";
export { connectError, isBrokenSocket, parseUrl, placeOf, textOf } from "./sql/server.js";
export { columnsSql, createIndexSql, onConflictSql, rowsSql } from "./sql/spelling.js";
export { SqlStorage, type StorageOptions } from "./sql/sql-storage.js";
export { runSteps } from "./sql/steps.js";
export type * from "./storage/storage.js";
