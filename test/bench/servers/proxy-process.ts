import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** Every order is answered by a number. */
export type Order = "take" | { readonly delay: number };

interface Parcel {
  readonly due: number;
  readonly deliver: () => void;
}

const [host = "", port = ""] = process.argv.slice(2);
const parcels: Parcel[] = [];
let delay = 0;
let flights = 0;

function post(deliver: () => void): void {
  if (delay === 0 && parcels.length === 0) return deliver();
  parcels.push({ due: performance.now() + delay, deliver });
  if (parcels.length === 1) deliverDue();
}

/** Timers are too coarse for parts of a millisecond. */
function deliverDue(): void {
  while (parcels[0] !== undefined && parcels[0].due <= performance.now()) {
    parcels[0].deliver();
    parcels.shift();
  }
  if (parcels.length > 0) setImmediate(deliverDue);
}

const proxy = createServer({ noDelay: true }, (client) => {
  const server = connect({ host, port: Number(port), noDelay: true });
  let isAnswered = true;
  client.on("data", (chunk) => {
    if (isAnswered) flights++;
    isAnswered = false;
    post(() => server.write(chunk));
  });
  server.on("data", (chunk) =>
    post(() => {
      isAnswered = true;
      client.write(chunk);
    }),
  );
  endTogether(client, server);
  endTogether(server, client);
});

function endTogether(one: Socket, other: Socket): void {
  one.on("end", () => post(() => other.end()));
  one.on("error", () => other.destroy());
}

process.on("message", (order: Order) => {
  if (order !== "take") delay = order.delay;
  process.send?.(flights);
  flights = 0;
});
process.once("disconnect", () => process.exit());
proxy.listen(0, "127.0.0.1", () => process.send?.((proxy.address() as AddressInfo).port));
