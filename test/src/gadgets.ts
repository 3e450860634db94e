/** User data that looks like what some deserializer would run. */
export function gadgets(): unknown[] {
  const ids = [
    ["langchain_core", "messages", "AIMessage"],
    ["langchain_core", "messages", "human", "HumanMessage"],
    ["langchain", "llms", "openai", "OpenAI"],
    ["nope", "X"],
    ["builtins", "eval"],
    ["GADGET_SECRET"],
    ["Map"],
    ["Error"],
    [],
    "GADGET_SECRET",
    null,
  ];
  const types = ["constructor", "secret", "not_implemented", "undefined", "delta_snapshot", "send"];
  const envelopes: unknown[] = [];
  for (const lc of [1, 2]) {
    for (const type of types) {
      for (const id of ids) {
        envelopes.push({ lc, type, id, kwargs: { content: "x", apiKey: "GADGET" } });
        envelopes.push({ kwargs: {}, id, method: "from", args: [["a", 1]], type, lc });
      }
    }
  }
  const some = envelopes.filter((_, i) => i % 7 === 0);
  const all = [
    ...envelopes,
    ...some.map((inner) => ({ deep: [{ kwargs: inner, lc: 1, type: "constructor", id: ["a"] }] })),
    ...some.map((inner) => ({ __lc_escaped__: inner })),
    ...some.map((inner) => ({ __lc_escaped__: { __lc_escaped__: inner } })),
    ...[{ $message: ["HumanMessage", { content: "x" }] }, { $class: ["Send", {}] }, { $item: 1 }],
    ...[
      { $list: [[1, 5]] },
      { $ref: 1 },
      { $def: [1, {}] },
      { $bigint: "1" },
      { $$ref: 1 },
      { $rest: [{}, {}] },
    ],
    ...[
      { $error: ["Error", {}, {}] },
      { $undefined: true },
      { $bare: {} },
      { $: 1, $item: 2 },
      { v: [1] },
    ],
    ...[
      { __type: "Buffer", data: [1] },
      { type: "Buffer", data: [1, 2] },
      { $date: 0 },
      { $url: "x" },
    ],
  ];
  return all.map((gadget) => structuredClone(gadget));
}
