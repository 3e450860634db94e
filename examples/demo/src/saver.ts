import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { SqliteSaver as OfficialSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { SqliteSaver } from "@threadkeep/sqlite";

export interface OpenSaver {
  saver: BaseCheckpointSaver;
  close(): Promise<void>;
}

export async function openSaver(path: string): Promise<OpenSaver> {
  const saver = SqliteSaver.fromConnString(path);
  return { saver, close: () => saver.end() };
}

export function openOfficialSaver(path: string): OpenSaver {
  const saver = OfficialSaver.fromConnString(path);
  return { saver, close: async () => void saver.db.close() };
}
