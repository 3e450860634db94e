import type { Storage } from "@threadkeep/core";
import { FaultProxy } from "./proxy.js";
import { type Ground, type Limits, onPort } from "./served.js";

/** A storage whose connections lead through a proxy. */
export interface Proxied {
  readonly proxy: FaultProxy;
  /** To the same database, for whoever wants storages of his own. */
  readonly url: string;
  readonly storage: Storage;
}

export async function withProxy<T>(
  { served, server, durable }: Ground,
  work: (proxied: Proxied) => Promise<T>,
  limits: Limits = { max: 4 },
): Promise<T> {
  const proxy = await FaultProxy.to(server.port, served.protocol);
  const url = onPort(durable.url, proxy.port);
  const storage = served.open(url, limits);
  try {
    return await work({ proxy, url, storage });
  } finally {
    // A storage that waits for a dead connection is not what is asked here.
    await Promise.allSettled([storage.close(), proxy.close()]);
  }
}
