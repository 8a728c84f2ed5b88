/** The slots of connections, which the threads of a process share. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { Slots } from "../../src/guard/slots.ts";
import { until } from "../helpers/wait.ts";

const SLOTS = new URL("../../src/guard/slots.ts", import.meta.url);
const ASKING = `
import { Slots } from ${JSON.stringify(SLOTS.href)};
self.onmessage = ({ data }) => self.postMessage(new Slots(data).takeFreeSlot());
`;

function socket(fd: number) {
  return { fd, cookie: 1000 + fd };
}

Deno.test("a thread waits for the scan of another before it finds no slot free", async () => {
  const slots = Slots.make(16);
  slots.endScan(2, slots.beginScan());
  const unsettled = slots.beginScan();
  const url = URL.createObjectURL(
    new Blob([ASKING], { type: "text/javascript" }),
  );
  const worker = new Worker(url, { type: "module" });
  let taken: boolean | undefined;
  worker.onmessage = ({ data }) => taken = data;
  worker.postMessage(slots.shared);
  const waiters = () => Atomics.notify(new Int32Array(slots.shared), 0);
  await until(() => taken !== undefined || waiters() === 1);
  slots.endScan(2, unsettled);
  await until(() => taken !== undefined);
  assertEquals(taken, true);
  worker.terminate();
  URL.revokeObjectURL(url);
});

Deno.test("a connection found after a scan gets a slot that is free, and counts as settled", () => {
  const slots = Slots.make(16, true);
  slots.endScan(2, slots.beginScan());
  assert(slots.serveFree(socket(5)));
  assert(slots.isServed(socket(5)));
  assert(!slots.serveFree(socket(6)), "one of the two is for requests");
  assert(!slots.isServed(socket(6)));
  assertEquals(slots.beginScan(), 0);
});

Deno.test("a connection that is being closed gets no slot", () => {
  const slots = Slots.make(16, true);
  slots.endScan(4, slots.beginScan());
  slots.end(socket(5));
  assert(!slots.serveFree(socket(5)));
  assert(slots.isEnding(socket(5)));
});
