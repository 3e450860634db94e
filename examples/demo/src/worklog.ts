import { appendFileSync, readFileSync } from "node:fs";
import type { Observer, Work } from "./work.js";

/** A line of the side log: which process started or finished what. */
export interface Entry {
  pid: number;
  event: "started" | "finished";
  work: string;
}

export function nameOf({ node, title }: Work): string {
  return `${node}: ${title}`;
}

export function logWork(file: string, event: Entry["event"], work: Work): void {
  const entry: Entry = { pid: process.pid, event, work: nameOf(work) };
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

/** Writes all work to a side log. */
export function logTo(file: string): Observer {
  return {
    started: (work) => logWork(file, "started", work),
    finished: (work) => logWork(file, "finished", work),
  };
}

export function readLog(file: string): Entry[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** How many lines tell of an event, of work with a certain name, by a certain process. */
export function count(entries: Entry[], event: Entry["event"], part = "", pid?: number): number {
  return entries.filter(
    (entry) =>
      entry.event === event && entry.work.includes(part) && (pid ?? entry.pid) === entry.pid,
  ).length;
}

/** Work that was started more than once. */
export function repeated(entries: Entry[]): string[] {
  const started = entries.filter(({ event }) => event === "started").map(({ work }) => work);
  return [...new Set(started.filter((work, index) => started.indexOf(work) !== index))];
}

/** Work that was started again after it had finished. */
export function redone(entries: Entry[]): string[] {
  return entries
    .filter(({ event, work }, index) => {
      const earlier = entries.slice(0, index);
      return event === "started" && earlier.some((e) => e.event === "finished" && e.work === work);
    })
    .map(({ work }) => work);
}
