import { runExample as run } from "./src/examples.js";

test("chain-memory goes on in the plugin where LangChain's own memory stopped", async () => {
  expect(await run("chain-memory", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "anna: I like tea. → You told me: I like tea.",
      "ben: I like coffee. → You told me: I like coffee.",
      "anna: What did I say? → You told me: I like tea.",
      "anna: I like cake, too. → You told me: I like tea. I like cake, too.",
      "anna: And now? → You told me: I like tea. I like cake, too.",
      "anna's conversation, from messages:",
      "  1 human: I like tea.",
      "  2 ai: You told me: I like tea.",
      "  3 human: What did I say?",
      "  4 ai: You told me: I like tea.",
      "  5 human: I like cake, too.",
      "  6 system: Repeat what you are told.",
      "  7 ai: You told me: I like tea. I like cake, too.",
      "  8 human: And now?",
      "  9 ai: You told me: I like tea. I like cake, too.",
      "model calls: ok, ok\n",
    ].join("\n"),
    stderr: "",
  });
});

test("agent-plugin keeps an answer that was stopped, and goes on with an older session", async () => {
  expect(await run("agent-plugin", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "> What is the weather in Rome?",
      "In Rome the sun shines.",
      "> Tell me a story.",
      "Once upon a time [stopped]",
      "--- tales",
      "human: Tell me a story.",
      "ai: Once upon a time [aborted]",
      "Ada's sessions: Tales, Weather",
      "> And the weather in Oslo?",
      "In Oslo the sun shines.",
      "> What do you know?",
      "So far: In Rome the sun shines. In Oslo the sun shines.",
      "--- weather",
      "human: What is the weather in Rome?",
      "ai: calls get_weather",
      "tool: In Rome the sun shines.",
      "ai: In Rome the sun shines.",
      "human: And the weather in Oslo?",
      "ai: calls get_weather",
      "tool: In Oslo the sun shines.",
      "ai: In Oslo the sun shines.",
      "human: What do you know?",
      "ai: So far: In Rome the sun shines. In Oslo the sun shines.",
      "┌─────────┬─────────────┬────────┬───────┬────────┐",
      "│ (index) │ model       │ status │ input │ output │",
      "├─────────┼─────────────┼────────┼───────┼────────┤",
      "│ 0       │ 'weather-1' │ 'ok'   │ 6     │ 1      │",
      "│ 1       │ 'weather-1' │ 'ok'   │ 12    │ 5      │",
      "│ 2       │ 'weather-1' │ 'ok'   │ 22    │ 1      │",
      "│ 3       │ 'weather-1' │ 'ok'   │ 28    │ 5      │",
      "│ 4       │ 'weather-1' │ 'ok'   │ 37    │ 12     │",
      "└─────────┴─────────────┴────────┴───────┴────────┘",
      "the story: aborted\n",
    ].join("\n"),
    stderr: "",
  });
});

test("sessions-http shows users their own sessions only, also after a restart", async () => {
  expect(await run("sessions-http", "src/client.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "Ada: Hello. → You said: Hello.",
      "Ada: I want to see Rome. → You said: I want to see Rome.",
      "Ada: Book a hotel. → Book a hotel. Really?",
      "Ada: I like cake. → You said: I like cake.",
      "Ada sees, all: New chat, Recipes, Trip",
      "Ben: Good morning. → You said: Good morning.",
      "Ben sees, all: New chat",
      "Ben: GET /sessions/:trip/messages → 404",
      "Ben: POST /sessions/:trip/messages → 404",
      "Ben: POST /sessions/:trip/switch → 404",
      "Ben: DELETE /sessions/:trip → 404",
      "the server is killed, and started again",
      "Ada sees, interrupted: Trip",
      "Ada: yes → It is booked.",
      "Ada sees, interrupted: nothing",
      "  2 ai: You said: I want to see Rome.",
      "  3 human: Book a hotel.",
      "  7 human: yes",
      "  8 ai: It is booked.",
      "Ada sees, all: New chat, Recipes\n",
    ].join("\n"),
    stderr: "",
  });
});
