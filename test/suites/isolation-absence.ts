import assert from "node:assert/strict";
import { ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { type Owner, Persistence, RollbackToolRegistry } from "@threadkeep/core";
import { z } from "zod";
import type { Checks, Database } from "../src/harness.js";
import type { Own } from "../src/isolation-calls.js";
import {
  answerOf,
  FUNCTIONS,
  functionsOf,
  NAMED,
  RUN_ID,
  type Target,
} from "../src/isolation-functions.js";
import { human, line, type TrailGraph } from "../src/persistence.js";
import { session } from "../src/snapshot.js";

/** Of the same length, as sizes count. */
const FOREIGN = "a foreign session";
const UNKNOWN = "a unknown session";
const TITLE = "their title";
const OWNER: Owner = { tenantId: "acme", userId: "ada", agentId: "helper" };

/** Who may know nothing of it: others, and those who share all but one name with its owner. */
const STRANGERS: Readonly<Record<string, (n: number) => Owner>> = {
  "another tenant": (n) => ({ tenantId: `tenant ${n}` }),
  "another tenant's user of the same name": (n) => ({ tenantId: `tenant ${n}`, userId: "ada" }),
  "another user of the tenant": (n) => ({ tenantId: "acme", userId: `user ${n}` }),
  "another agent of the user": (n) => ({ ...OWNER, agentId: `agent ${n}` }),
  "another user": (n) => ({ userId: `user ${n}` }),
};

/** Something in every table: a call to a tool, a failed run, a question, messages and calls of a model. */
async function lived(own: Own, rollbackToolRegistry: RollbackToolRegistry, id: string) {
  const schema = z.object({});
  const write = rollbackToolRegistry.register(
    tool(() => "written", { name: "write", schema }),
    () => undefined,
  );
  const graph: TrailGraph = line({
    one: async (_, config) => {
      await write.invoke({ type: "tool_call", id: "call", name: "write", args: {} }, config);
      return { trail: ["one"] };
    },
    two: ({ note }) => {
      if (note === "fail") throw new Error("failed");
      return { trail: ["two"] };
    },
  }).compile({ checkpointer: own.checkpointer });
  const at = { configurable: { thread_id: id, run_id: RUN_ID } };
  await own.run(graph, { messages: [human("hello")] }, at);
  await own.createCheckpoint(id, { checkpointId: NAMED, label: "label" });
  await graph.invoke({ note: "fail" }, at).catch(() => {});
  const plugin = own.plugin({ sessionId: id });
  const request = { messages: [human("hi")], model: undefined, runtime: {} };
  const model = new FakeListChatModel({ responses: ["hello"] });
  await plugin.wrapModelCall(request as never, () => model.invoke(request.messages));
  await own.history(id).addMessages([new ToolMessage({ content: "r", tool_call_id: "call" })]);
  await own.sessions.update(id, { title: TITLE, metadata: { key: "value" } });
}

async function exported(own: Own): Promise<string[]> {
  await own.history("own").addMessages([human("mine")]);
  const lines: string[] = [];
  for await (const text of own.exportSession("own")) lines.push(text);
  return lines;
}

/** A session with all that there can be, and how to look whether it is as it was. */
async function foreignSession(db: Database) {
  const rollbackToolRegistry = new RollbackToolRegistry();
  const persistence = new Persistence(db.storage, { rollbackToolRegistry });
  const own = persistence.forOwner(OWNER);
  await lived(own, rollbackToolRegistry, FOREIGN);
  const checkpointId = (await own.checkpointer.getTuple({ configurable: { thread_id: FOREIGN } }))
    ?.checkpoint.id;
  assert.ok(checkpointId !== undefined);
  const look = async () => ({
    row: await db.storage.session(FOREIGN),
    rows: await session(db.storage, FOREIGN),
    modelCalls: await db.storage.modelCalls(FOREIGN),
  });
  const { rows, modelCalls } = await look();
  const kinds = { ...(rows as Record<string, readonly unknown[]>), modelCalls };
  for (const [kind, some] of Object.entries(kinds)) {
    if (Array.isArray(some)) assert.ok(some.length > 0, `${kind} of the session`);
  }
  return { persistence, checkpointId, look };
}

/** Every function comes to the same for a session of somebody else and for one that nobody has. */
async function assertAbsent(db: Database, stranger: (n: number) => Owner): Promise<void> {
  const { persistence, checkpointId, look } = await foreignSession(db);
  const before = await look();
  const unknownId = checkpointId.replace(/^.{4}/, "0000");
  let n = 0;
  for (const [on, functions] of Object.entries(FUNCTIONS)) {
    for (const [name, call] of Object.entries(functions)) {
      const answers: string[] = [];
      for (const [id, known] of [
        [FOREIGN, checkpointId],
        [UNKNOWN, unknownId],
      ] as const) {
        n += 1;
        // Somebody who has done nothing yet, so that the two differ in the id only.
        const own = persistence.forOwner(stranger(n));
        const target: Target = { id, checkpointId: known, file: await exported(own) };
        const answer = await answerOf(call, own, target);
        answers.push(answer.replaceAll(` ${n}"`, ' n"'));
      }
      const [foreign, unknown] = answers as [string, string];
      for (const known of [FOREIGN, checkpointId, TITLE]) {
        assert.ok(!unknown.includes(known), `${on}.${name} tells ${known}`);
      }
      assert.equal(foreign, unknown, `${on}.${name}`);
      assert.deepEqual(await look(), before, `${on}.${name} touched the session`);
    }
  }
}

/** What takes no session, and what only LangGraph's classes use among themselves. */
const WITHOUT_SESSIONS: Readonly<Record<string, readonly string[]>> = {
  persistence: ["setup", "end", "forOwner", "plugin"],
  sessions: [],
  checkpointer: ["setup", "end", "dropCaches", "getNextVersion"],
  history: ["addMessage", "addUserMessage", "addAIMessage", "addAIChatMessage", "end"],
  plugin: ["wrap", "follow", "settled"],
};

export const absenceChecks: Checks = {
  ...Object.fromEntries(
    Object.entries(STRANGERS).map(([who, stranger]) => [
      `for ${who} a session is as if it were not there, in every function`,
      (db: Database) => assertAbsent(db, stranger),
    ]),
  ),

  "every function that there is was asked": async (db) => {
    const own = new Persistence(db.storage).forOwner({ tenantId: "acme" });
    const { sessions, checkpointer } = own;
    const objects = { persistence: own, sessions, checkpointer, history: own.history("s") };
    for (const [on, object] of Object.entries({ ...objects, plugin: own.plugin() })) {
      const asked = [...Object.keys(FUNCTIONS[on] ?? {}), ...(WITHOUT_SESSIONS[on] ?? [])];
      const inherited = functionsOf(Object.getPrototypeOf(Object.getPrototypeOf(object)) ?? {});
      const unknown = functionsOf(object).filter(
        (name) => !asked.includes(name) && !inherited.includes(name),
      );
      assert.deepEqual(unknown, [], on);
    }
  },
};
