import { type Builder, line, type Work } from "../src/persistence.js";

/** A graph with one inside it: i1, i2, deep(d1, d2), i3. */
export function inner(node: (name: string) => Work): Builder {
  const deep = line({ d1: node("d1"), d2: node("d2") });
  return line({ i1: node("i1"), i2: node("i2"), deep, i3: node("i3") });
}
