import type { Owner, SessionPage, SessionStatus } from "@threadkeep/core";
import type { Colours, Paint } from "./paint.js";
import { type Cell, type Column, type Style, table } from "./table.js";
import { ago, count, oneLine } from "./text.js";

const OWNERS = [
  ["tenantId", "tenant"],
  ["userId", "user"],
  ["agentId", "agent"],
] as const;

/** An id of this length can be copied from any screen. */
const UUID = 36;

/** The colour of a status. */
export function statusStyle(colours: Colours, status: SessionStatus): Style {
  const styles = {
    running: colours.cyan,
    interrupted: colours.yellow,
    failed: colours.red,
    done: colours.green,
    archived: colours.dim,
  };
  return styles[status] ?? ((text) => text);
}

/**
 * A page of sessions, and how to get the next one.
 * @param asked whose sessions they are: that need not be told in every line
 */
export function renderSessions(page: SessionPage, asked: Owner, paint: Paint): string {
  const { sessions, cursor } = page;
  if (sessions.length === 0) return "No sessions.\n";
  const owners = OWNERS.filter(
    ([field]) => asked[field] === undefined && sessions.some((one) => one[field] !== undefined),
  );
  const columns: Column[] = [
    { head: "id", cut: { to: UUID, atLast: 20 } },
    ...owners.map(([, head]): Column => ({ head, cut: { to: 6 } })),
    { head: "status" },
    { head: "active" },
    { head: "title", cut: { to: 7 } },
  ];
  const rows = sessions.map((session): Cell[] => [
    session.id,
    ...owners.map(([field]) => session[field] ?? ""),
    { text: session.status, style: statusStyle(paint.colours, session.status) },
    ago(session.updatedAt, paint.now),
    session.title ?? "",
  ]);
  return `${table(columns, rows, paint)}\n${footer(sessions.length, cursor)}`;
}

function footer(shown: number, cursor: string | undefined): string {
  if (cursor === undefined) return "";
  return `\n${count(shown, "session")}; for the next page add --cursor ${oneLine(cursor)}\n`;
}

/** `tenant acme, user anna`; `""` for nobody */
export function ownerWords(owner: Owner): string {
  return OWNERS.flatMap(([field, word]) => {
    const value = owner[field];
    return value === undefined ? [] : [`${word} ${oneLine(value)}`];
  }).join(", ");
}
