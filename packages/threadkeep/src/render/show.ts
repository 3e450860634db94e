import type { ModelCall, NodeRun, Session, TranscriptPage } from "@threadkeep/core";
import { jsonLine } from "../json.js";
import { renderModelCalls } from "./model-calls.js";
import type { Paint } from "./paint.js";
import { ownerWords, statusStyle } from "./sessions.js";
import { ago, count, oneLine, second } from "./text.js";
import { renderTimeline } from "./timeline.js";
import { renderTranscript } from "./transcript.js";

/** What is known of a session. */
export interface Shown {
  readonly session: Session;
  /** Oldest first. */
  readonly nodeRuns: readonly NodeRun[];
  /** Whether there are older ones. */
  readonly moreNodeRuns: boolean;
  readonly transcript: TranscriptPage;
  readonly modelCalls: readonly ModelCall[];
}

/** A session: its head, what ran, what was said, and what the models took. */
export function renderShown(shown: Shown, paint: Paint): string {
  const { nodeRuns, moreNodeRuns, transcript, modelCalls } = shown;
  const runs = count(nodeRuns.length, "node run");
  const parts = [
    renderHead(shown.session, paint),
    nodeRuns.length > 0 &&
      titled(
        moreNodeRuns ? `The last ${runs} (--steps n for more)` : runs,
        renderTimeline(nodeRuns, paint),
        paint,
      ),
    titled(transcriptTitle(transcript), renderTranscript(transcript.messages, paint), paint),
    modelCalls.length > 0 &&
      titled(count(modelCalls.length, "model call"), renderModelCalls(modelCalls, paint), paint),
  ];
  return `${parts.filter((part) => part !== false).join("\n\n")}\n`;
}

function titled(title: string, text: string, { colours }: Paint): string {
  return [colours.bold(title), text].filter((part) => part !== "").join("\n");
}

function transcriptTitle({ source, messages, before }: TranscriptPage): string {
  if (messages.length === 0) return "No messages";
  const where = source === "messages" ? "from the history" : "from the newest checkpoint";
  if (before === undefined) return `${count(messages.length, "message")}, ${where}`;
  const last = `The last ${count(messages.length, "message")}`;
  return `${last}, ${where} (older ones: --before ${before})`;
}

function renderHead(session: Session, paint: Paint): string {
  const { colours, now } = paint;
  const owner = ownerWords(session);
  const metadata = Object.keys(session.metadata).length > 0;
  const lines: [string, string][] = [
    ["session", colours.bold(oneLine(session.id))],
    ["title", oneLine(session.title ?? "")],
    ["owner", owner],
    ["status", statusStyle(colours, session.status)(session.status)],
    ["created", second(session.createdAt)],
    ["last activity", `${second(session.updatedAt)} (${ago(session.updatedAt, now)})`],
    ["archived", session.archivedAt === undefined ? "" : second(session.archivedAt)],
    ["metadata", metadata ? oneLine(jsonLine(session.metadata)) : ""],
  ];
  return lines
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${colours.dim(name.padEnd(13))}  ${value}`)
    .join("\n");
}
