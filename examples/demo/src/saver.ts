import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { SqliteSaver as OfficialSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { Persistence, RollbackToolRegistry } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";
import { deleteReport, type ReportTool, reportTool } from "./report.js";

export interface OpenPersistence {
  persistence: Persistence;
  /** A rollback takes back what it wrote. */
  writeReport: ReportTool;
}

export function openPersistence(path: string): OpenPersistence {
  const rollbackToolRegistry = new RollbackToolRegistry();
  const writeReport = rollbackToolRegistry.register(reportTool(), deleteReport);
  const persistence = new Persistence(SqliteStorage.connect(path), { rollbackToolRegistry });
  return { persistence, writeReport };
}

export interface OpenSaver {
  saver: BaseCheckpointSaver;
  close(): Promise<void>;
}

export function openOfficialSaver(path: string): OpenSaver {
  const saver = OfficialSaver.fromConnString(path);
  return { saver, close: async () => void saver.db.close() };
}
