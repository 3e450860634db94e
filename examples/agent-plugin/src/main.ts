import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Persistence, type SessionPlugin } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";
import { createAgent, tool } from "langchain";
import { z } from "zod";
import { WeatherModel } from "./model.js";

const folder = mkdtempSync(join(tmpdir(), "threadkeep-agent-plugin-"));
const open = () => new Persistence(SqliteStorage.connect(join(folder, "agent.db")));

const getWeather = tool(({ city }) => `In ${city} the sun shines.`, {
  name: "get_weather",
  description: "The weather in a city.",
  schema: z.object({ city: z.string() }),
});

/** The plugin is one line; without a checkpointer it also gives the model the conversation so far. */
const agentOf = (plugin: SessionPlugin) =>
  createAgent({ model: new WeatherModel({}), tools: [getWeather], middleware: [plugin] });

/** Prints the answer while it comes; stops it behind the words of `stopAt`. */
async function ask(plugin: SessionPlugin, text: string, stopAt?: string): Promise<string> {
  const stop = new AbortController();
  const config = { ...plugin.config, signal: stop.signal, streamMode: "messages" } as const;
  let heard = "";
  try {
    for await (const [message] of await agentOf(plugin).stream({ messages: [text] }, config)) {
      if (message.type === "ai") heard += message.text;
      if (stopAt !== undefined && heard.endsWith(stopAt)) stop.abort();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    await plugin.settled();
  }
  console.log(`> ${text}\n${heard.trimEnd()}${stop.signal.aborted ? " [stopped]" : ""}`);
  return heard;
}

async function show(persistence: Persistence, sessionId: string): Promise<void> {
  const { messages } = await persistence.messages(sessionId);
  console.log(`--- ${sessionId}`);
  for (const { role, message, metadata } of messages) {
    const [call] = (message as { tool_calls?: { name: string }[] }).tool_calls ?? [];
    const mark = metadata?.status === "aborted" ? " [aborted]" : "";
    console.log(`${role}: ${call ? `calls ${call.name}` : message.text.trimEnd()}${mark}`);
  }
}

let persistence = open();
let plugin = persistence.plugin({ userId: "ada", sessionId: "weather", title: "Weather" });
await ask(plugin, "What is the weather in Rome?");

const tales = persistence.plugin({ userId: "ada", sessionId: "tales", title: "Tales" });
await ask(tales, "Tell me a story.", "time ");

// What had arrived of the stopped answer is kept, and marked.
await show(persistence, "tales");
const [cut] = (await persistence.messages("tales", { last: 1 })).messages;
assert.deepEqual([cut?.message.text, cut?.metadata?.status], ["Once upon a time ", "aborted"]);

// The process ends; another one lists Ada's sessions and opens the older one.
await persistence.end();
persistence = open();
plugin = persistence.plugin({ userId: "ada" });
const { sessions } = await persistence.sessions.list({ userId: "ada" });
console.log(
  `Ada's sessions: ${sessions
    .map(({ title }) => title)
    .sort()
    .join(", ")}`,
);
await persistence.sessions.switch("weather");
assert.equal(plugin.sessionId, "weather");

await ask(plugin, "And the weather in Oslo?");
const summary = await ask(plugin, "What do you know?");
assert.equal(summary, "So far: In Rome the sun shines. In Oslo the sun shines.");
await show(persistence, "weather");

const calls = await persistence.modelCalls("weather");
console.table(
  calls.map(({ model, status, inputTokens, outputTokens }) => ({
    ...{ model, status, input: inputTokens, output: outputTokens },
  })),
);
assert.equal(calls.length, 5);
assert.ok(calls.every(({ latencyMs, messageId }) => latencyMs >= 0 && messageId !== undefined));
const [stopped] = await persistence.modelCalls("tales");
console.log(`the story: ${stopped?.status}`);
assert.equal(stopped?.status, "aborted");

await persistence.end();
rmSync(folder, { recursive: true });
