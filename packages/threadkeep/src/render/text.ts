import stringWidth from "string-width";

/**
 * A text that cannot drive a terminal: control characters, and those that turn the direction of
 * writing, are shown instead of sent. Line ends stay; tabs become spaces.
 */
export function harmless(text: string): string {
  return text
    .replace(/\r\n/g, "\n")
    .replace(/\t/g, "  ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, shown)
    .toWellFormed();
}

function shown(character: string): string {
  const code = character.codePointAt(0) as number;
  if (character === "\n") return character;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "␡" : `<${code.toString(16)}>`;
}

/** The same on one line. */
export function oneLine(text: string): string {
  return harmless(text.replace(/\s*[\n\r\u2028\u2029]\s*/g, " "));
}

const GRAPHEMES = new Intl.Segmenter();

/**
 * A text of one line, cut to a width; `…` stands for what is gone.
 * @param side which end is cut: of a path, the start tells less
 */
export function fit(text: string, width: number, side: "start" | "end" = "end"): string {
  if (stringWidth(text) <= width) return text;
  const parts = Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
  if (side === "start") parts.reverse();
  const kept: string[] = [];
  let left = width - 1;
  for (const part of parts) {
    left -= stringWidth(part);
    if (left < 0) break;
    kept.push(part);
  }
  return side === "start" ? `…${kept.reverse().join("")}` : `${kept.join("")}…`;
}

const NUMBER = new Intl.NumberFormat("en");

export function number(value: number): string {
  return NUMBER.format(value);
}

/** `1 session`, `2 sessions` */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

const BYTES = ["B", "kB", "MB", "GB", "TB"] as const;

/** `512 B`, `1.5 kB` */
export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  // 999.95 would be rounded to 1000.0.
  while (rest >= (unit === 0 ? 1000 : 999.95) && unit < BYTES.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${BYTES[unit]}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min` */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
}

/** `3 min ago`; the day, where it is longer than 30 days ago */
export function ago(time: Date, now: Date): string {
  const ms = now.getTime() - time.getTime();
  if (ms < SECOND) return "now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  if (ms < 30 * DAY) return `${Math.floor(ms / DAY)} d ago`;
  return day(time);
}

/** `2026-01-31`, as all times in UTC */
export function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** `2026-01-31 12:34:56 UTC` */
export function second(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
