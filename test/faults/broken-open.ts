import type { Storage } from "@threadkeep/core";
import { brokenStorages, isLost, overriding, type Wrap } from "./overriding.js";
import type { Opened } from "./served.js";

/** Opens what another module opens, broken. Its URL says which module, and how. */
const given = new URL(import.meta.url).searchParams;
const { default: connect } = (await import(given.get("module") as string)) as Opened;

/** As with a listener that is missing. */
const dies: Wrap = (storage) =>
  overriding(storage, {
    commit: (batch) =>
      storage.commit(batch).catch((error) => {
        if (!isLost(error)) throw error;
        process.nextTick(() => {
          throw new Error("dies of it");
        });
        return new Promise(() => {});
      }),
  });

const ways: Readonly<Record<string, Wrap>> = {
  ...brokenStorages,
  "dies of a lost connection": dies,
};

export default function broken(url: string): Storage {
  return (ways[given.get("how") as string] as Wrap)(connect(url));
}
