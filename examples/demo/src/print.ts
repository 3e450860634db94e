import Table from "cli-table3";
import picocolors from "picocolors";

export const paint = picocolors.createColors(process.stdout.hasColors?.() ?? false);

export function say(text = ""): void {
  console.log(text === "" ? "" : `  ${text}`);
}

export function heading(text: string): void {
  console.log(`\n${paint.bold(text)}`);
}

const LINES = Object.fromEntries(
  ["top", "bottom", "left", "right"]
    .flatMap((side) => [side, `${side}-left`, `${side}-mid`, `${side}-right`])
    .concat("mid", "left-mid", "mid-mid", "right-mid", "middle")
    .map((part) => [part, ""]),
);

/** Columns whose header begins with `>` stand on the right. */
export function printTable(headers: string[], rows: (string | number)[][]): void {
  const titles = headers.map((header) => header.replace(/^>/, ""));
  const table = new Table({
    head: titles.map((title) => paint.dim(title)),
    colAligns: headers.map((header) => (header.startsWith(">") ? "right" : "left")),
    chars: { ...LINES, middle: "   " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => row.map(String)));
  for (const line of table.toString().split("\n")) say(line.trimEnd());
}

/** Breaks a quoted text into lines that fit a terminal. */
export function quote(text: string): void {
  for (const line of `“${text}”`.match(/.{1,88}(\s|$)/g) ?? []) say(paint.dim(line.trimEnd()));
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2
    ? `${(count / 1024).toFixed(1)} KiB`
    : `${(count / 1024 ** 2).toFixed(2)} MiB`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
