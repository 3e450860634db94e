import { MemorySaver, MemoryStorage } from "@threadkeep/core";
import { ClassRegistry } from "../../packages/core/src/state/classes.js";
import { Decoder } from "../../packages/core/src/state/decode.js";
import { Encoder } from "../../packages/core/src/state/encode.js";
import { ItemLog } from "../../packages/core/src/state/item-log.js";
import { Reader } from "../../packages/core/src/state/manifest.js";
import type { Tree } from "../../packages/core/src/state/tree.js";
import { checkpoint, METADATA, place } from "./checkpoints.js";

const classes = new ClassRegistry();

/** Through text and back as one document, as metadata and chat messages go. */
export async function throughText(value: unknown): Promise<unknown> {
  const text = JSON.stringify(new Encoder(classes, ["value"]).encode(value));
  const nowhere = new Reader(new ItemLog(classes), new Map(), []);
  return new Decoder(nowhere).decode(JSON.parse(text) as Tree);
}

/** Through a checkpoint and its items, as channel values go: what a second process reads. */
export async function throughItems(value: unknown): Promise<unknown> {
  const storage = new MemoryStorage();
  const saved = checkpoint("1", { value });
  await new MemorySaver(storage).put(place("t"), saved, METADATA, saved.channel_versions);
  const tuple = await new MemorySaver(storage).getTuple(place("t"));
  return tuple?.checkpoint.channel_values.value;
}
