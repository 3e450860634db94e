import type { SessionStatus } from "@threadkeep/core";
import { answer, type User } from "./chat.js";

export interface Call {
  readonly user: User;
  /** Of the path; `current` is the one that the user has open. */
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string>>;
}

type Answer = object | AsyncIterable<string>;

/** What can be asked for. A session of somebody else is as if it were not there. */
export const routes: Readonly<Record<string, (call: Call) => Promise<Answer> | Answer>> = {
  "POST /sessions": ({ user, body }) =>
    user.mine.sessions.create({ title: body.title ?? "New chat" }),

  "GET /sessions": ({ user, query: { status, limit = "20", cursor } }) =>
    user.mine.sessions.list({
      ...{ all: true, limit: Number(limit) },
      ...(cursor === undefined ? {} : { cursor }),
      ...(status === undefined ? {} : { status: status as SessionStatus }),
    }),

  "GET /sessions/:id/messages": async ({ user, id, query: { before, last = "20" } }) => {
    const page = {
      last: Number(last),
      ...(before === undefined ? {} : { before: Number(before) }),
    };
    await mustExist(user, id);
    const { messages, ...more } = await user.mine.messages(id, page);
    const shown = messages.map(({ position, role, message }) => [position, role, message.text]);
    return { ...more, messages: shown };
  },

  "POST /sessions/:id/messages": async ({ user, id, body }) => {
    // The first thing that somebody says makes their session.
    if (id !== user.plugin.sessionId) await mustExist(user, id);
    if (typeof body.text !== "string") throw new Refusal(400);
    return answer(user, id, body.text);
  },

  "POST /sessions/:id/switch": ({ user, id }) => user.mine.sessions.switch(id),

  "DELETE /sessions/:id": async ({ user, id }) => {
    await mustExist(user, id);
    return { deleted: await user.mine.sessions.delete(id) };
  },
};

/** Answered with a status and nothing else. */
export class Refusal extends Error {
  constructor(readonly status: number) {
    super();
  }
}

async function mustExist({ mine }: User, id: string): Promise<void> {
  if ((await mine.sessions.get(id)) !== undefined) return;
  throw new Refusal(404);
}
