import type { Dialect, Insert } from "./dialect.js";
import type { Param, Statement } from "./driver.js";

/** One writing statement of a batch; it may stand alone, or be a part of a larger one. */
export interface Part {
  /** Names the text: parts of one key have one text. */
  readonly key: string;
  /** @param head the part of the same statement that must have written a row */
  sql(head?: string): string;
  readonly params: readonly Param[];
  /** The text is one of very many. */
  readonly rare?: boolean;
}

const HEAD = "head";
/** PostgreSQL counts parameters in 16 bits, and plans a statement of many parts slowly. */
const MAX_PARAMS = 60_000;
const MAX_PARTS = 40;
/** Inserts of more rows than this are not worth keeping prepared. */
const COMMON_ROWS = 16;

/** The texts of batches, made once and reused. */
export class Assembler {
  readonly #dialect: Dialect;
  readonly #texts = new Map<string, string>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /**
   * A batch of inserts behind a head, which must write a session's row, else nothing is written. It
   * is one statement where the engine joins parts: the inserts then see nothing of what the others
   * write, but for the head's `id` and `next_message`.
   */
  joined(head: Part, rest: readonly Part[]): Statement[] {
    const parts = [head, ...rest];
    const params = parts.flatMap((part) => part.params);
    const fits = params.length <= MAX_PARAMS && parts.length <= MAX_PARTS;
    if (!this.#dialect.joins || !fits) return this.inOrder(head, rest);
    const rare = parts.some((part) => part.rare);
    const key = `joined ${parts.map((part) => part.key).join("; ")}`;
    const text = this.#text(key, rare, () => {
      const named = rest.map((part, i) => `part${i} AS (${part.sql(HEAD)})`);
      const first = `${HEAD} AS (${head.sql()} RETURNING id, next_message)`;
      return `WITH ${[first, ...named].join(", ")} SELECT id FROM ${HEAD}`;
    });
    return [{ text, params, expect: 1, rare }];
  }

  /** As statements of their own: each sees what those before it wrote, and what others did. */
  inOrder(head: Part, rest: readonly Part[]): Statement[] {
    return [{ ...this.alone(head), expect: 1 }, ...rest.map((part) => this.alone(part))];
  }

  alone({ key, params, rare = false, sql }: Part): Statement {
    return { text: this.#text(key, rare, () => sql()), params, rare };
  }

  #text(key: string, rare: boolean, make: () => string): string {
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const text = this.#dialect.placeholders(make());
    if (!rare) this.#texts.set(key, text);
    return text;
  }
}

/** Inserts of rows, as few as the engine takes. */
export function inserts(
  dialect: Dialect,
  into: Pick<Insert, "table" | "columns" | "conflict">,
  rows: readonly (readonly Param[])[],
): Part[] {
  return chunks(dialect, rows).map((chunk) => ({
    key: `insert ${into.table.name} ${chunk.length}`,
    params: chunk.flat(),
    rare: chunk.length > COMMON_ROWS,
    sql: (head) => dialect.insert({ ...into, rows: chunk.length, head }),
  }));
}

export function slices<T>(all: readonly T[], size: number): T[][] {
  const count = Math.ceil(all.length / size);
  return Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** A statement that is never a part which depends on a head. */
export function change(key: string, sql: string, params: readonly Param[]): Part {
  return { key, params, sql: () => sql };
}

function chunks(
  { insertRows, insertBytes }: Dialect,
  rows: readonly (readonly Param[])[],
): (readonly Param[])[][] {
  const all: (readonly Param[])[][] = [];
  let chunk: (readonly Param[])[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = sizeOf(row);
    if (chunk.length === insertRows || (chunk.length > 0 && bytes + size > insertBytes)) {
      all.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += size;
  }
  return chunk.length === 0 ? all : [...all, chunk];
}

function sizeOf(row: readonly Param[]): number {
  return row.reduce<number>(
    (sum, param) => sum + (typeof param === "string" ? Buffer.byteLength(param) : 8),
    0,
  );
}
