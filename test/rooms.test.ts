import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";

const PACKAGES = fileURLToPath(new URL("../packages/", import.meta.url));
const CORE = join(PACKAGES, "core/src");

/** Which rooms of core a room may import; every room may import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  storage: ["errors"],
  state: ["storage", "errors"],
  history: ["state", "storage", "errors"],
  nodes: ["state", "storage", "errors"],
  saver: ["nodes", "state", "storage", "errors"],
  sessions: ["history", "state", "storage", "errors"],
  persistence: ["sessions", "history", "saver", "nodes", "state", "storage", "errors"],
  sql: ["storage", "errors"],
};
/** The entries put the rooms together. */
const ENTRIES = ["index.ts", "backend.ts"];
/** Of storage, `state` may use the helpers and the types, not a storage. */
const PURE = new Set(["state"]);
const MAX_LINES = 300;
const SKIPPED = new Set(["node_modules", "dist"]);

/** Links, of which node_modules is full, are not followed. */
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : sources(path);
    return entry.isFile() && entry.name.endsWith(".ts") ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, from]) => from as string);
}

function roomOf(file: string): string {
  const [room] = relative(CORE, file).split("/") as [string];
  return room.replace(/\.ts$/, "");
}

const files = sources(CORE).filter((file) => !ENTRIES.includes(relative(CORE, file)));

describe("rooms", () => {
  it("every file of core stands in a room", () => {
    assert.ok(files.length > 30, "the sources were found");
    const strays = files.filter((file) => MAY_IMPORT[roomOf(file)] === undefined);
    assert.deepEqual(
      strays.map((file) => relative(CORE, file)),
      [],
    );
  });

  it("no room imports one that it may not", () => {
    const trespasses = files.flatMap((file) =>
      importsOf(file)
        .filter((from) => from.startsWith("."))
        .map((from) => roomOf(join(dirname(file), from.replace(/\.js$/, ".ts"))))
        .filter((room) => room !== roomOf(file) && !MAY_IMPORT[roomOf(file)]?.includes(room))
        .map((room) => `${relative(CORE, file)} -> ${room}`),
    );
    assert.deepEqual(trespasses, []);
  });

  it("state does no I/O and knows no clock, and of storage only the helpers", () => {
    const found = files
      .filter((file) => PURE.has(roomOf(file)))
      .flatMap((file) => {
        const text = readFileSync(file, "utf8");
        const outside = importsOf(file).filter((from) => /^node:|memory-storage/.test(from));
        const clocks = [...text.matchAll(/Date\.now|new Date\(\)|Math\.random|setTimeout/g)].map(
          ([what]) => what,
        );
        return [...outside, ...clocks].map((what) => `${relative(CORE, file)}: ${what}`);
      });
    assert.deepEqual(found, []);
  });

  it("only saver knows BaseCheckpointSaver, only sql and the backends know SQL", () => {
    const wrong = files.filter((file) => {
      const text = readFileSync(file, "utf8");
      const isSaver = /\bBaseCheckpointSaver\b/.test(text) && roomOf(file) !== "saver";
      const isSql =
        /\b(INSERT INTO|DELETE FROM|SELECT .+ FROM)\b/.test(text) && roomOf(file) !== "sql";
      return isSaver || isSql;
    });
    assert.deepEqual(
      wrong.map((file) => relative(CORE, file)),
      [],
    );
  });

  it("a package imports the others by their names", () => {
    for (const name of readdirSync(PACKAGES).filter((name) => name !== "core")) {
      const root = join(PACKAGES, name, "src");
      const reaching = sources(root).flatMap((file) =>
        importsOf(file).filter(
          (from) =>
            from.includes("core/src") ||
            (from.startsWith(".") &&
              !from.endsWith("/package.json") &&
              relative(root, join(dirname(file), from)).startsWith("..")),
        ),
      );
      assert.deepEqual(reaching, [], name);
    }
  });

  it(`no file is longer than ${MAX_LINES} lines`, () => {
    const folders = [PACKAGES, fileURLToPath(new URL(".", import.meta.url))];
    const long = folders
      .flatMap((folder) => sources(folder))
      .map(
        (file) =>
          [
            relative(PACKAGES, file),
            readFileSync(file, "utf8").trimEnd().split("\n").length,
          ] as const,
      )
      .filter(([, lines]) => lines > MAX_LINES);
    assert.deepEqual(long, []);
  });
});
