import { createHash, randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";

const CHUNK = 256 * 1024;

/**
 * Writes a file under another name first, so that under its own there is the whole or what was there before.
 * @returns how many bytes it has
 */
export async function writeWhole(path: string, lines: AsyncIterable<string>): Promise<number> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.part`;
  try {
    const written = await writeDraft(draft, lines);
    await rename(draft, path);
    return written;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function writeDraft(draft: string, lines: AsyncIterable<string>): Promise<number> {
  const file = await open(draft, "wx");
  try {
    let written = 0;
    for await (const chunk of chunks(lines)) {
      const bytes = Buffer.from(chunk);
      await file.writeFile(bytes);
      written += bytes.length;
    }
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
}

/** Lines in pieces that are worth a write. */
export async function* chunks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let held: string[] = [];
  let size = 0;
  for await (const line of lines) {
    held.push(line);
    size += line.length;
    if (size < CHUNK) continue;
    yield held.join("");
    held = [];
    size = 0;
  }
  if (held.length > 0) yield held.join("");
}

const PLAIN = /^[a-z0-9][a-z0-9_-]{0,99}$/;
/** Windows gives these to devices. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/;

/** The name of a session's file: another one for every id, on file systems that know no case, too. */
export function fileNameOf(id: string): string {
  if (PLAIN.test(id) && !DEVICE.test(id)) return `${id}.ndjson`;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 16);
  const readable = id.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 60);
  return `${readable}.${hash}.ndjson`;
}
