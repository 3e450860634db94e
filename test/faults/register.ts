import { afterAll, beforeAll, describe, it } from "vitest";
import type { ServerOptions, TestServer } from "../servers/server.js";
import { type Ground, onGround, type Served } from "./served.js";

export type GroundChecks = Readonly<Record<string, (ground: Ground) => Promise<void>>>;

/** Registers suites as tests on a server of their own, which they may break. */
export function onServer(
  served: Served,
  suites: Readonly<Record<string, GroundChecks>>,
  options: ServerOptions = {},
): void {
  describe(served.name, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await served.createServer(options);
    }, 120_000);
    afterAll(async () => {
      await server?.remove();
    }, 60_000);
    for (const [name, checks] of Object.entries(suites)) {
      describe(name, () => {
        for (const [title, check] of Object.entries(checks)) {
          it(title, { timeout: 180_000 }, () => onGround(served, server, check));
        }
      });
    }
  });
}
