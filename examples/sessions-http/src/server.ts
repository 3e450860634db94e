import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Persistence, StorageError } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";
import type { User } from "./chat.js";
import { Refusal, routes } from "./routes.js";

const [file = "chat.db", port = "0"] = process.argv.slice(2);
const persistence = new Persistence(SqliteStorage.connect(file));
const users = new Map<string, User>();

/** Everything that is read or written for a user goes through their own view. */
function userOf(userId: string): User {
  const known = users.get(userId);
  if (known !== undefined) return known;
  const mine = persistence.forOwner({ userId });
  const user = { mine, plugin: mine.plugin({ title: "New chat" }) };
  users.set(userId, user);
  return user;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const [, first, id = "", ...rest] = pathname.split("/");
  const place = [first, ...(id === "" ? [] : [":id"]), ...rest].join("/");
  const route = routes[`${request.method} /${place}`];
  if (route === undefined) return void response.writeHead(404).end();
  const user = userOf(cookieOf(request, response));
  const given = await route({
    user,
    id: id === "current" ? user.plugin.sessionId : decodeURIComponent(id),
    query: Object.fromEntries(searchParams),
    body: JSON.parse((await text(request)) || "{}"),
  });
  if (Symbol.asyncIterator in given) {
    for await (const piece of given) response.write(piece);
    response.end();
  } else {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(given));
  }
}

/** A random id is all that a browser has; who knows it is the user. */
function cookieOf({ headers }: IncomingMessage, response: ServerResponse): string {
  const [, known] = /(?:^|; )user=([0-9a-f-]{36})(?:;|$)/.exec(headers.cookie ?? "") ?? [];
  if (known !== undefined) return known;
  const id = randomUUID();
  response.setHeader("set-cookie", `user=${id}; Path=/; HttpOnly; SameSite=Lax`);
  return id;
}

const STATUS: Readonly<Record<string, number>> = { NOT_FOUND: 404, INVALID_ARGUMENT: 400 };

function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  if (error instanceof SyntaxError) return 400;
  return (error instanceof StorageError && STATUS[error.code]) || 500;
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy(error as Error);
  response.writeHead(statusOf(error)).end();
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => refuse(response, error));
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
