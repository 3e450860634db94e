import type { TranscriptMessage } from "@threadkeep/core";
import wrapAnsi from "wrap-ansi";
import { jsonLine } from "../json.js";
import { callsOf } from "../tools.js";
import type { Colours, Paint } from "./paint.js";
import type { Style } from "./table.js";
import { harmless, oneLine, second } from "./text.js";

const INDENT = "  ";

/** Messages as they were said, oldest first; long lines are wrapped. */
export function renderTranscript(messages: readonly TranscriptMessage[], paint: Paint): string {
  return messages.map((one) => renderMessage(one, paint)).join("\n");
}

function renderMessage(one: TranscriptMessage, paint: Paint): string {
  const { colours } = paint;
  const { content } = one.message;
  const style = roleStyle(colours, one.role);
  const text = textOf(content);
  const isTool = one.role === "tool";
  const lines = [
    headOf(one, style, colours),
    ...wrapped(isTool && text !== "" ? `← ${text}` : text, isTool ? 2 : 1, paint),
    ...callsOf(one.message).flatMap(({ name, args, id, error }) => {
      const shown = typeof args === "string" ? args : jsonLine(args ?? {});
      const broken = error === undefined ? "" : `  (not readable: ${error})`;
      const call = `→ ${name}(${shown})${id === undefined ? "" : `  ${id}`}${broken}`;
      return wrapped(call, 2, paint).map(colours.magenta);
    }),
  ];
  return lines.join("\n");
}

function headOf(one: TranscriptMessage, style: Style, { dim, red }: Colours): string {
  const { position, role, message, createdAt, metadata } = one;
  const name = message.name === undefined ? "" : ` ${oneLine(message.name)}`;
  const { tool_call_id: callId, status } = message as { tool_call_id?: unknown; status?: unknown };
  const notes = [
    typeof callId === "string" ? `answers ${oneLine(callId)}` : "",
    createdAt === undefined ? "" : second(createdAt),
  ].filter((note) => note !== "");
  const marks = [status, metadata?.status].filter((mark) => mark === "error" || mark === "aborted");
  return [
    dim(`#${position}`),
    style(`${oneLine(role)}${name}`),
    ...notes.map((note) => dim(note)),
    ...marks.map((mark) => red(String(mark))),
  ].join("  ");
}

function roleStyle({ bold, cyan, green, yellow, dim }: Colours, role: string): Style {
  const styles: Record<string, Style> = {
    human: (text) => bold(cyan(text)),
    ai: (text) => bold(green(text)),
    tool: yellow,
    system: dim,
  };
  return Object.hasOwn(styles, role) ? (styles[role] as Style) : bold;
}

function wrapped(text: string, depth: number, { width }: Paint): string[] {
  const indent = INDENT.repeat(depth);
  const clean = harmless(text).trimEnd();
  if (clean === "") return [];
  const lines = clean.split("\n").flatMap((line) => broken(line, width - indent.length));
  return lines.map((line) => `${indent}${line}`.trimEnd());
}

/** The spaces at its start are the line's own; those where it breaks go. */
function broken(line: string, width: number): string[] {
  if (!Number.isFinite(width)) return [line];
  const [first, ...rest] = wrapAnsi(line, width, { hard: true, trim: false }).split("\n");
  return [first as string, ...rest.map((part) => part.trimStart())];
}

/** The text of a message; what is no text is named. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content === undefined ? "" : jsonLine(content);
  return content
    .map(blockText)
    .filter((text) => text !== "")
    .join("\n");
}

/** Calls stand in blocks, too, but are shown from where LangChain puts those of all models. */
const CALLS = new Set(["tool_use", "tool_call", "tool_call_chunk", "function_call"]);

function blockText(block: unknown): string {
  if (typeof block === "string") return block;
  const { type, text, reasoning, thinking } = (block ?? {}) as Record<string, unknown>;
  if (typeof text === "string") return text;
  const thought = reasoning ?? thinking;
  if (typeof thought === "string") return `(thought) ${thought}`;
  return CALLS.has(String(type)) ? "" : `[${type}]`;
}
