import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { Persistence, RollbackToolRegistry, type ToolCall, UndoError } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";
import { z } from "zod";

const folder = mkdtempSync(join(tmpdir(), "threadkeep-rollback-"));
const locked = new Set(["c.txt"]);

// Two tools with the same arguments: the second one takes back what the first one did.
const schema = z.object({ file: z.string() });
const writeFile = tool(
  ({ file }) => {
    writeFileSync(join(folder, file), `This is ${file}.`);
    return `wrote ${file}`;
  },
  { name: "write_file", description: "Writes a file.", schema },
);
const deleteFile = tool(
  ({ file }) => {
    if (locked.has(file)) throw new Error(`${file} is locked`);
    rmSync(join(folder, file), { force: true });
  },
  { name: "delete_file", description: "Deletes a file.", schema },
);

const rollbackToolRegistry = new RollbackToolRegistry();
rollbackToolRegistry.register(writeFile, deleteFile);
const persistence = new Persistence(SqliteStorage.connect(":memory:"), { rollbackToolRegistry });

/** Stands for a chat model: it asks for the next of four files, until all are written. */
function model({ messages }: typeof MessagesAnnotation.State) {
  const written = messages.filter((message) => ToolMessage.isInstance(message)).length;
  const file = ["a.txt", "b.txt", "c.txt", "d.txt"][written];
  if (file === undefined) return { messages: [new AIMessage("All files are written.")] };
  const call = { name: "write_file", args: { file }, id: `call-${written + 1}` };
  return { messages: [new AIMessage({ content: "", tool_calls: [call] })] };
}

const graph = new StateGraph(MessagesAnnotation)
  .addNode("agent", model)
  .addNode("tools", new ToolNode([writeFile]))
  .addEdge("__start__", "agent")
  .addConditionalEdges("agent", ({ messages }) =>
    (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END,
  )
  .addEdge("tools", "agent")
  .compile({ checkpointer: persistence.checkpointer });

const filesOf = (calls: readonly ToolCall[]) =>
  calls.map(({ args }) => (args as z.infer<typeof schema>).file).join(", ") || "none";
const showFiles = () => console.log(`files: ${readdirSync(folder).sort().join(", ")}`);

const thread = { configurable: { thread_id: "files" } };
const question = { messages: [{ role: "human", content: "Write the files." }] };
await persistence.run(graph, question, thread);
showFiles();

const afterTools = await persistence.listCheckpoints("files", { nodePath: "tools" });
const afterFirst = afterTools.at(-1)!.checkpointId;
const dryRun = await persistence.rollbackToCheckpoint("files", afterFirst, { dryRun: true });
console.log(`back to after the first file, this would be undone: ${filesOf(dryRun.undone)}`);

try {
  await persistence.rollbackToCheckpoint("files", afterFirst);
} catch (error) {
  if (!(error instanceof UndoError)) throw error;
  const { undone, failed, remaining } = error.report;
  console.log(`stopped: ${error.message}`);
  console.log(`undone: ${filesOf(undone)}`);
  console.log(`failed: ${filesOf([failed!])}; not tried: ${filesOf(remaining)}`);
}
showFiles();

locked.clear();
const { undone } = await persistence.rollbackToCheckpoint("files", afterFirst);
console.log(`tried again, undone: ${filesOf(undone)}`);
showFiles();
const { next, values } = await graph.getState(thread);
console.log(`goes on in ${next}, after ${values.messages.at(-1)?.text}`);

await persistence.run(graph, null, thread);
showFiles();

await persistence.end();
rmSync(folder, { recursive: true });
